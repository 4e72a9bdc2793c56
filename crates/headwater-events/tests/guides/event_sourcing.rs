//! The code of `docs/guides/event-sourcing.md` that the example `bank` has not.

use headwater_events::kit::{World, given};
use headwater_events::{Decide, Event, State, Timestamp, Until, Version, block_on};
use serde::{Deserialize, Serialize};

use crate::support::NOON;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum AccountEvent {
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
}
impl Event for AccountEvent {}

#[derive(Debug)]
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
            AccountEvent::Deposited { amount } => self.balance += amount,
            AccountEvent::Withdrawn { amount } => self.balance -= amount,
        }
    }
}

struct Withdraw {
    amount: i64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is not so much")]
struct Overdrawn;

impl Decide for Withdraw {
    type State = Account;
    type Event = AccountEvent;
    type Error = Overdrawn;
    fn decide(&self, account: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
        match account.balance >= self.amount {
            true => Ok(vec![AccountEvent::Withdrawn {
                amount: self.amount,
            }]),
            false => Err(Overdrawn),
        }
    }
}

#[test]
fn an_account_is_withdrawn_from_and_read_as_it_was() {
    const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
    let world = World::at(Timestamp(NOON - 7_200_000));
    world.given::<Account>("7", [AccountEvent::Deposited { amount: 1000 }]);
    world.advance(HOUR);
    let told: Result<(), Box<dyn std::error::Error>> = block_on(async {
        let store = world.store();
        let done = store
            .execute("7", Withdraw { amount: 200 })
            .command_id("c-42")
            .await?;
        assert_eq!(done.version, Some(Version(1)));
        world.advance(2 * HOUR);
        world.given::<Account>("7", [AccountEvent::Deposited { amount: 500 }]);
        let noon = Timestamp(NOON);
        assert_eq!(store.load::<Account>("7").await?.state.balance, 1300);
        assert_eq!(
            store
                .load_at::<Account>("7", Until::Time(noon))
                .await?
                .state
                .balance,
            800
        );
        assert_eq!(
            store
                .load_at::<Account>("7", Until::Version(Version(0)))
                .await?
                .state
                .balance,
            1000
        );
        Ok(())
    });
    told.unwrap();
}

#[test]
fn nobody_withdraws_what_is_not_there() {
    given::<Account>("7", [AccountEvent::Deposited { amount: 10 }])
        .when(Withdraw { amount: 11 })
        .then_refused(Overdrawn);
}
