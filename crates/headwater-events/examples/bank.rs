//! Event sourcing: a bank account, its balance now and at noon (`cargo run -p headwater-events --example bank`). The guide is
//! `docs/guides/event-sourcing.md`.
#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use std::time::Duration;

use headwater_events::kit::World;
use headwater_events::{Decide, Event, ExecuteError, State, Timestamp, Until, block_on};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum AccountEvent {
    Opened { owner: String },
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
}
impl Event for AccountEvent {}

struct Account {
    balance: i64,
}

impl State for Account {
    const NAME: &'static str = "account";
    type Event = AccountEvent;

    fn initial(_: &str) -> Self {
        Self { balance: 0 }
    }

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => {}
            AccountEvent::Deposited { amount } => self.balance += amount,
            AccountEvent::Withdrawn { amount } => self.balance -= amount,
        }
    }
}

enum Command {
    Open { owner: String },
    Deposit(i64),
    Withdraw(i64),
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there are only {balance} to withdraw from")]
struct Overdrawn {
    balance: i64,
}

impl Decide for Command {
    type State = Account;
    type Event = AccountEvent;
    type Error = Overdrawn;

    fn decide(&self, account: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
        let balance = account.balance;
        Ok(vec![match self {
            Self::Open { owner } => AccountEvent::Opened {
                owner: owner.clone(),
            },
            Self::Deposit(amount) => AccountEvent::Deposited { amount: *amount },
            Self::Withdraw(amount) if *amount > balance => return Err(Overdrawn { balance }),
            Self::Withdraw(amount) => AccountEvent::Withdrawn { amount: *amount },
        }])
    }
}

const MORNING: Timestamp = Timestamp(1_700_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

/// The account of 0 + 1000 − 200 + 500, an hour between each.
fn tell() -> Result<World, ExecuteError<Overdrawn>> {
    let world = World::at(MORNING);
    let owner = "Ada".to_owned();
    world.when("7", Command::Open { owner })?;
    for command in [
        Command::Deposit(1000),
        Command::Withdraw(200),
        Command::Deposit(500),
    ] {
        world.advance(HOUR);
        world.when("7", command)?;
    }
    Ok(world)
}

fn balance_at(world: &World, time: Timestamp) -> headwater_events::Result<i64> {
    let until = Until::Time(time);
    let then = block_on(world.store().load_at::<Account>("7", until))?;
    Ok(then.state.balance)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let world = tell()?;
    println!("now: {}", world.state::<Account>("7").balance);
    let noon = Timestamp(MORNING.0 + 2 * 3_600_000);
    println!("at noon: {}", balance_at(&world, noon)?);
    match world.when("7", Command::Withdraw(5000)) {
        Err(error) => println!("5000 more: {error}"),
        Ok(_) => println!("5000 more: done"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_events::kit::given;

    #[test]
    fn the_balance_is_1300_and_was_800_at_noon() {
        let world = tell().expect("a story");
        assert_eq!(world.state::<Account>("7").balance, 1300);
        let noon = Timestamp(MORNING.0 + 2 * 3_600_000);
        assert_eq!(balance_at(&world, noon).expect("a past"), 800);
        assert_eq!(balance_at(&world, MORNING).expect("a past"), 0);
    }

    #[test]
    fn nobody_withdraws_what_is_not_there() {
        let deposited = || [AccountEvent::Deposited { amount: 10 }];
        given::<Account>("7", deposited())
            .when(Command::Withdraw(4))
            .then([AccountEvent::Withdrawn { amount: 4 }]);
        given::<Account>("7", deposited())
            .when(Command::Withdraw(11))
            .then_refused(Overdrawn { balance: 10 });
    }
}
