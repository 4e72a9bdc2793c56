//! [`Decide`].

use super::states::States;
use crate::typed::Event;

/// A command: decides, from a state or from several, which events happen. Pure, so that it can be decided again when
/// somebody else was faster.
///
/// ```
/// # use headwater_events::{Event, State};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// # enum AccountEvent { Withdrawn { amount: u64 } }
/// # impl Event for AccountEvent {}
/// # struct Account { balance: u64 }
/// # impl State for Account {
/// #     const NAME: &'static str = "account";
/// #     type Event = AccountEvent;
/// #     fn initial(_: &str) -> Self { Self { balance: 0 } }
/// #     fn evolve(&mut self, _: &AccountEvent) {}
/// # }
/// use headwater_events::Decide;
///
/// struct Withdraw { amount: u64 }
/// #[derive(Debug, PartialEq)]
/// struct Overdrawn;
///
/// impl Decide for Withdraw {
///     type State = Account;
///     type Event = AccountEvent;
///     type Error = Overdrawn;
///     fn decide(&self, account: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
///         match account.balance >= self.amount {
///             true => Ok(vec![AccountEvent::Withdrawn { amount: self.amount }]),
///             false => Err(Overdrawn),
///         }
///     }
/// }
/// assert_eq!(Withdraw { amount: 1 }.decide(&Account { balance: 0 }), Err(Overdrawn));
/// ```
pub trait Decide: Send + Sync {
    /// What it is decided from: a [`State`](super::State), or a tuple of up to four, read at one moment; the events happen
    /// only if none of them has changed since.
    type State: States;
    /// The events that may happen.
    type Event: Event;
    /// Why nothing may happen.
    type Error: Send;

    /// The events that happen; none: there is nothing to do.
    ///
    /// # Errors
    /// What the domain says against it.
    fn decide(&self, state: &Self::State) -> Result<Vec<Self::Event>, Self::Error>;

    /// The stream that an event becomes part of; `None`: that of the (first) state.
    fn stream(&self, _event: &Self::Event) -> Option<String> {
        None
    }
}
