//! The code of `docs/guides/replicas.md`.

use headwater_events::{Publisher, Replica, TopicFeed, block_on};
use headwater_log::Log;
use serde::{Deserialize, Serialize};

use crate::support::log as memory;

#[derive(Serialize, Deserialize)]
struct User {
    name: String,
    street: String,
}

async fn owner(log: Log) -> headwater_events::Result<()> {
    let users = Publisher::open(log, "users")?;
    users
        .publish(
            "7",
            &User {
                name: "Ada".into(),
                street: "Abbey Road".into(),
            },
        )
        .await?;
    users
        .publish(
            "8",
            &User {
                name: "Bob".into(),
                street: "Abbey Road".into(),
            },
        )
        .await?;
    users.retract("8").await?;
    Ok(())
}

async fn copy(log: Log, theirs: Log) -> headwater_events::Result<()> {
    let users = Replica::<User>::open(log, "users", TopicFeed::new(theirs, "users"))?;
    while users.turn().await? > 0 {}
    let found = users.get("7")?;
    let neighbours = users.find(|_, user| user.street == "Abbey Road")?;
    let status = users.status();
    assert_eq!(found.map(|user| user.name).as_deref(), Some("Ada"));
    assert_eq!((neighbours.len(), status.behind), (1, Some(0)));
    Ok(())
}

#[test]
fn a_copy_knows_what_its_owner_publishes() {
    let (theirs, ours) = (memory(), memory());
    block_on(owner(theirs.clone())).unwrap();
    block_on(copy(ours, theirs)).unwrap();
}
