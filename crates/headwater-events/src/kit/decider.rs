//! Given events, when a command is decided, then these events or this error. Nothing is stored.

use std::fmt::Debug;

use serde_json::Value;

use crate::aggregate::{Decide, State};
use crate::typed::Event;

/// What has happened to something.
#[derive(Debug)]
pub struct Given<S> {
    state: S,
}

/// What was decided.
#[derive(Debug)]
#[must_use = "say what is expected with `then` or `then_refused`"]
pub struct Outcome<E, R>(Result<Vec<E>, R>);

/// The state that these events make.
///
/// ```
/// # use headwater_events::{Decide, Event, State};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// # enum AccountEvent { Deposited { amount: u64 }, Withdrawn { amount: u64 } }
/// # impl Event for AccountEvent {}
/// # struct Account { balance: u64 }
/// # impl State for Account {
/// #     const NAME: &'static str = "account";
/// #     type Event = AccountEvent;
/// #     fn initial(_: &str) -> Self { Self { balance: 0 } }
/// #     fn evolve(&mut self, e: &AccountEvent) {
/// #         match e { AccountEvent::Deposited { amount } => self.balance += amount, AccountEvent::Withdrawn { amount } => self.balance -= amount }
/// #     }
/// # }
/// # struct Withdraw(u64);
/// # #[derive(Debug, PartialEq)]
/// # struct Overdrawn;
/// # impl Decide for Withdraw {
/// #     type State = Account;
/// #     type Event = AccountEvent;
/// #     type Error = Overdrawn;
/// #     fn decide(&self, a: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
/// #         if a.balance >= self.0 { Ok(vec![AccountEvent::Withdrawn { amount: self.0 }]) } else { Err(Overdrawn) }
/// #     }
/// # }
/// use headwater_events::kit::given;
/// given::<Account>("7", [AccountEvent::Deposited { amount: 10 }])
///     .when(Withdraw(4))
///     .then([AccountEvent::Withdrawn { amount: 4 }]);
/// given::<Account>("7", []).when(Withdraw(4)).then_refused(Overdrawn);
/// ```
pub fn given<S: State>(id: &str, events: impl IntoIterator<Item = S::Event>) -> Given<S> {
    let mut state = S::initial(id);
    for event in events {
        state.evolve(&event);
    }
    Given { state }
}

impl<S: State> Given<S> {
    /// The state.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Decides a command from the state.
    pub fn when<D: Decide<State = S>>(&self, command: D) -> Outcome<D::Event, D::Error> {
        Outcome(command.decide(&self.state))
    }

    /// Together with another state, to decide from both.
    pub fn and<T: State>(self, other: Given<T>) -> Given<(S, T)> {
        Given {
            state: (self.state, other.state),
        }
    }
}

impl<A: State, B: State> Given<(A, B)> {
    /// Decides a command from both states.
    pub fn when<D: Decide<State = (A, B)>>(&self, command: D) -> Outcome<D::Event, D::Error> {
        Outcome(command.decide(&self.state))
    }
}

impl<E: Event, R: Debug> Outcome<E, R> {
    /// These events were decided.
    ///
    /// # Panics
    /// If others were, or the command was refused.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = E>) {
        let expected: Vec<E> = expected.into_iter().collect();
        match self.0 {
            Ok(events) => assert_eq!(shown(&events), shown(&expected), "other events"),
            Err(error) => panic!("it was refused: {error:?}"),
        }
    }

    /// It was refused.
    ///
    /// # Panics
    /// If it was not, or for another reason.
    #[track_caller]
    pub fn then_refused(self, expected: R)
    where
        R: PartialEq,
    {
        match self.0 {
            Ok(events) => panic!("it was not refused: {:?}", shown(&events)),
            Err(error) => assert_eq!(error, expected, "another reason"),
        }
    }
}

/// Events as they would be stored, so that they need be neither `Debug` nor `PartialEq`.
fn shown<E: Event>(events: &[E]) -> Vec<(String, Value)> {
    let show = |event: &E| match event.to_new() {
        Ok(new) => {
            let data = serde_json::from_slice(&new.data).unwrap_or(Value::Null);
            (new.kind, data)
        }
        Err(error) => panic!("{error}"),
    };
    events.iter().map(show).collect()
}
