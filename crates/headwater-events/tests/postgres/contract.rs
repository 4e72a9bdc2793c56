//! The contract of event stores.

use headwater_events::contract;

use super::server::shared;
use super::support::{fresh, open};

#[test]
fn the_store_on_postgres_keeps_the_contract() {
    let Some(server) = shared() else { return };
    contract::run(|| open(server, &fresh()).store());
}
