//! Event-carried state transfer: shipping prints labels with the names that the user service publishes, without ever calling it
//! (`cargo run -p headwater-events --example shipping`). The guide is `docs/guides/replicas.md`.
#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use std::sync::Arc;

use headwater_events::{Publisher, Replica, Result, TopicFeed, block_on};
use headwater_log::{Log, ManualClock, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    name: String,
    street: String,
}

/// The user service: it owns users, and says how they are now.
struct Users {
    published: Publisher,
}

impl Users {
    fn set(&self, id: &str, name: &str, street: &str) -> Result<()> {
        let user = User {
            name: name.to_owned(),
            street: street.to_owned(),
        };
        block_on(self.published.publish(id, &user)).map(drop)
    }

    fn remove(&self, id: &str) -> Result<()> {
        block_on(self.published.retract(id)).map(drop)
    }
}

/// The shipping service: it knows what it needs of users, wherever they are.
struct Shipping {
    users: Replica<User>,
}

impl Shipping {
    fn open(log: Log, of_users: Log) -> Result<Self> {
        let users = Replica::open(log, "users", TopicFeed::new(of_users, "users"))?;
        Ok(Self { users })
    }

    /// Takes in what is new; a program would do this all the time.
    fn follow(&self) -> Result<()> {
        while block_on(self.users.turn())? > 0 {}
        Ok(())
    }

    fn label(&self, user: &str) -> Result<String> {
        Ok(match self.users.get(user)? {
            Some(user) => format!("{}, {}", user.name, user.street),
            None => "unknown: ask the customer".to_owned(),
        })
    }
}

fn log() -> Log {
    Log::memory(Arc::new(ManualClock::new(Timestamp(0))))
}

/// The labels of a user before and after a move, and after they left; shipping is restarted meanwhile.
fn tell() -> Result<Vec<String>> {
    let (of_users, of_shipping) = (log(), log());
    let users = Users {
        published: Publisher::open(of_users.clone(), "users")?,
    };
    users.set("7", "Ada King", "St James's Square")?;
    let shipping = Shipping::open(of_shipping.clone(), of_users.clone())?;
    shipping.follow()?;
    let mut labels = vec![shipping.label("7")?];
    users.set("7", "Ada Lovelace", "Great Cumberland Place")?;
    shipping.follow()?;
    drop(shipping);
    // The user service is down: shipping starts all the same, with what it knew.
    let shipping = Shipping::open(of_shipping, of_users)?;
    labels.push(shipping.label("7")?);
    users.remove("7")?;
    shipping.follow()?;
    labels.push(shipping.label("7")?);
    Ok(labels)
}

fn main() -> Result<()> {
    for label in tell()? {
        println!("{label}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_right_without_a_call() {
        let expected = [
            "Ada King, St James's Square",
            "Ada Lovelace, Great Cumberland Place",
            "unknown: ask the customer",
        ];
        assert_eq!(tell().expect("a story"), expected);
    }
}
