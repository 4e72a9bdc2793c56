//! An account, as the tests of aggregates know it.

use headwater_events::{Decide, Event, Snapshotting, State, Store, block_on};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum AccountEvent {
    Deposited { amount: u64 },
    Withdrawn { amount: u64 },
}
impl Event for AccountEvent {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) balance: u64,
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

    fn snapshots() -> Option<Snapshotting<Self>> {
        Some(Snapshotting::json(1).every(10))
    }
}

pub(super) struct Deposit(pub(super) u64);

impl Decide for Deposit {
    type State = Account;
    type Event = AccountEvent;
    type Error = std::convert::Infallible;

    fn decide(&self, _: &Account) -> Result<Vec<AccountEvent>, Self::Error> {
        Ok(vec![AccountEvent::Deposited { amount: self.0 }])
    }
}

pub(super) struct Withdraw(pub(super) u64);
#[derive(Debug, PartialEq)]
pub(super) struct Overdrawn;

impl Decide for Withdraw {
    type State = Account;
    type Event = AccountEvent;
    type Error = Overdrawn;

    fn decide(&self, account: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
        match account.balance >= self.0 {
            true => Ok(vec![AccountEvent::Withdrawn { amount: self.0 }]),
            false => Err(Overdrawn),
        }
    }
}

/// Moves money between two accounts, whose states are decided from together.
pub(super) struct Transfer {
    pub(super) amount: u64,
    pub(super) to: String,
}

impl Decide for Transfer {
    type State = (Account, Account);
    type Event = AccountEvent;
    type Error = Overdrawn;

    fn decide(&self, (from, _): &(Account, Account)) -> Result<Vec<AccountEvent>, Overdrawn> {
        let amount = self.amount;
        match from.balance >= amount {
            true => Ok(vec![
                AccountEvent::Withdrawn { amount },
                AccountEvent::Deposited { amount },
            ]),
            false => Err(Overdrawn),
        }
    }

    fn stream(&self, event: &AccountEvent) -> Option<String> {
        match event {
            AccountEvent::Deposited { .. } => Some(format!("account-{}", self.to)),
            AccountEvent::Withdrawn { .. } => None,
        }
    }
}

pub(super) fn balance(store: &Store, id: &str) -> u64 {
    block_on(store.load::<Account>(id)).unwrap().state.balance
}
