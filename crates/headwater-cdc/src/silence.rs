//! How long a server may say nothing before its connection counts as dead.
//!
//! A connection may be cut without a word: a router that forgets it, a host that is gone. TCP says nothing of it to who only listens,
//! for as long as it likes. So whoever listens asks from time to time, and counts how long nothing came.
//!
//! | who is silent | is borne for |
//! |---|---|
//! | a server that accepts a connection | 10 s, or less if less is borne |
//! | one that answers who connects, or sends its log | [`SILENCE`], or what the address says |
//! | one that runs a statement, which may wait for others | [`STATEMENTS`] times as long |

use std::time::Duration;

use headwater_log::{Error, ErrorKind, Result};

/// How long a server that is to say something may be silent, unless an [address](crate::postgres::Address) says otherwise.
pub const SILENCE: Duration = Duration::from_secs(60);
/// So many times as long a statement may take.
const STATEMENTS: u32 = 5;
/// How long a server may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(10);

/// What is borne of a connection, and how long nothing came.
#[derive(Debug)]
pub(crate) struct Silence {
    borne: Duration,
    answers: Duration,
    /// How long it was listened to in vain. Time in which nobody listened does not count.
    now: Duration,
}

impl Silence {
    /// Of a connection that is to be made.
    pub(crate) fn new(borne: Duration) -> Self {
        Self {
            borne,
            answers: borne,
            now: Duration::ZERO,
        }
    }

    /// It is made: statements may take their time.
    pub(crate) fn allow_statements(&mut self) {
        self.answers = self.borne * STATEMENTS;
    }

    /// Statements are no longer such that may take it.
    pub(crate) fn allow_none(&mut self) {
        self.answers = self.borne;
    }

    pub(crate) fn of_connecting(&self) -> Duration {
        self.borne.min(CONNECTING)
    }

    pub(crate) fn of_answers(&self) -> Duration {
        self.answers
    }

    /// Something came.
    pub(crate) fn end(&mut self) {
        self.now = Duration::ZERO;
    }

    /// Nothing came for so long.
    pub(crate) fn lasts(&mut self, time: Duration) {
        self.now += time;
    }

    /// Whether nothing came when it was listened last.
    pub(crate) fn lasts_already(&self) -> bool {
        !self.now.is_zero()
    }

    /// # Errors
    /// `Unavailable` if it has lasted too long.
    pub(crate) fn check(&self) -> Result<()> {
        if self.now < self.borne {
            return Ok(());
        }
        let seconds = self.borne.as_secs_f64();
        let text = format!("the server has said nothing for {seconds} s");
        Err(Error::new(ErrorKind::Unavailable, text)
            .with_hint("the connection may have been dropped on its way"))
    }
}

/// Reads `silence=SECONDS` of an address.
pub(crate) fn parse(seconds: &str) -> Option<Duration> {
    let seconds: u64 = seconds.parse().ok()?;
    (1..=86_400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_in_which_somebody_listens_counts_and_a_word_ends_it() {
        let mut silence = Silence::new(Duration::from_secs(2));
        silence.lasts(Duration::from_secs(1));
        silence.check().unwrap();
        silence.end();
        silence.lasts(Duration::from_secs(1));
        silence.check().unwrap();
        silence.lasts(Duration::from_secs(1));
        let error = silence.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("nothing for 2 s"), "{error}");
    }

    #[test]
    fn a_second_at_least_is_borne() {
        assert_eq!(parse("30"), Some(Duration::from_secs(30)));
        for wrong in ["0", "-1", "", "1m", "86401"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
