//! The code of `docs/guides/erasure.md`.

use std::sync::Arc;

use headwater_events::{Event, Expected, FileKeys, Personal, ReadStream, Store, Vault, block_on};
use serde::{Deserialize, Serialize};

use crate::support::log;

#[derive(Serialize, Deserialize)]
enum CustomerEvent {
    Registered {
        plan: String,
        email: Personal<String>,
    },
}
impl Event for CustomerEvent {}

#[test]
fn what_is_forgotten_is_unreadable_and_the_rest_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (log, dir, subject) = (log(), dir.path(), "7");
    let told: headwater_events::Result<()> = block_on(async {
        let vault = Vault::new(Arc::new(FileKeys::open(&dir.join("keys"))?));
        let store = Store::on_log(log, "events")?.with_vault(vault.clone());
        let email = Personal::new(subject, "ada@example.com".to_owned());
        let plan = "small".to_owned();
        let event = CustomerEvent::Registered { plan, email };
        store
            .append_to("customer-7", Expected::Any, [event.to_new()?])
            .await?;
        store.forget(&vault, subject).await?;
        let events = store.read(ReadStream::of("customer-7")).await?;
        let CustomerEvent::Registered { plan, email } = CustomerEvent::decode(&events[0])?;
        assert_eq!((plan.as_str(), email.get()), ("small", None));
        Ok(())
    });
    told.unwrap();
}
