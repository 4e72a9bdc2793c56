//! Which partitions may have input, and when the others may be asked again. Every change costs what it changes, however
//! many partitions there are.

use std::collections::BTreeSet;

/// A partition of an input, by their indices.
pub(super) type At = (usize, usize);

/// What is known of a partition's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// There may be some.
    Unknown,
    /// There is none until a signal, or this time in milliseconds.
    Pending(Option<i64>),
    /// It cannot be read, and is tried again at this time whatever is signalled.
    Failing(i64),
    /// Its natural end was reached.
    Ended,
    /// It was cut.
    Stopped,
}

impl Input {
    /// When it is tried again by itself.
    fn retry_at(self) -> Option<i64> {
        match self {
            Self::Pending(at) => at,
            Self::Failing(at) => Some(at),
            Self::Unknown | Self::Ended | Self::Stopped => None,
        }
    }
}

/// All partitions of all inputs.
///
/// # Invariants
/// `unknown`, `pending` and `retries` hold exactly the partitions whose state says so; `ended` and `stopped` are their
/// numbers.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    inputs: Vec<Vec<Input>>,
    unknown: BTreeSet<At>,
    pending: BTreeSet<At>,
    retries: BTreeSet<(i64, At)>,
    ended: usize,
    stopped: usize,
    all: usize,
}

impl Partitions {
    /// So many partitions of each input, of which nothing is known.
    pub(super) fn new(counts: impl Iterator<Item = usize>) -> Self {
        let mut partitions = Self::default();
        for (input, count) in counts.enumerate() {
            partitions.inputs.push(Vec::new());
            partitions.grow(input, count);
        }
        partitions
    }

    /// An input has `count` partitions now.
    pub(super) fn grow(&mut self, input: usize, count: usize) {
        let partitions = &mut self.inputs[input];
        for partition in partitions.len()..count {
            partitions.push(Input::Unknown);
            self.unknown.insert((input, partition));
            self.all += 1;
        }
    }

    /// Something was learnt of a partition; gives what was known before.
    pub(super) fn set(&mut self, at: At, now: Input) -> Input {
        let before = std::mem::replace(&mut self.inputs[at.0][at.1], now);
        if before == now {
            return before;
        }
        match before {
            Input::Unknown => drop(self.unknown.remove(&at)),
            Input::Pending(_) => drop(self.pending.remove(&at)),
            Input::Failing(_) => {}
            Input::Ended => self.ended -= 1,
            Input::Stopped => self.stopped -= 1,
        }
        if let Some(time) = before.retry_at() {
            self.retries.remove(&(time, at));
        }
        match now {
            Input::Unknown => drop(self.unknown.insert(at)),
            Input::Pending(_) => drop(self.pending.insert(at)),
            Input::Failing(_) => {}
            Input::Ended => self.ended += 1,
            Input::Stopped => self.stopped += 1,
        }
        if let Some(time) = now.retry_at() {
            self.retries.insert((time, at));
        }
        before
    }

    /// Whatever was pending may have input.
    pub(super) fn signalled(&mut self) {
        while let Some(at) = self.pending.first().copied() {
            self.set(at, Input::Unknown);
        }
    }

    /// What was to be tried again at `now` or before may have input.
    pub(super) fn retry(&mut self, now: i64) {
        while let Some((_, at)) = self.retries.first().filter(|(time, _)| *time <= now) {
            self.set(*at, Input::Unknown);
        }
    }

    /// The next time at which one is tried again.
    pub(super) fn next_retry(&self) -> Option<i64> {
        self.retries.first().map(|(time, _)| *time)
    }

    /// The next in turn after `cursor` that may have input.
    pub(super) fn next_unknown(&self, cursor: At) -> Option<At> {
        let behind = (cursor.0, cursor.1 + 1);
        let next = self.unknown.range(behind..).next();
        next.or_else(|| self.unknown.first()).copied()
    }

    /// Whether all have come to their natural ends.
    pub(super) fn all_ended(&self) -> bool {
        self.ended == self.all
    }

    /// Whether no more will come from any.
    pub(super) fn all_over(&self) -> bool {
        self.ended + self.stopped == self.all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Looks at all partitions for every answer.
    struct Naive(Vec<Vec<Input>>);

    impl Naive {
        fn all(&self) -> impl Iterator<Item = (At, Input)> {
            let inputs = self.0.iter().enumerate();
            inputs.flat_map(|(i, ps)| ps.iter().enumerate().map(move |(p, s)| ((i, p), *s)))
        }

        fn change(&mut self, change: impl Fn(Input) -> bool) {
            for input in self.0.iter_mut().flatten().filter(|s| change(**s)) {
                *input = Input::Unknown;
            }
        }

        fn next_unknown(&self, cursor: At) -> Option<At> {
            let unknown = || self.all().filter(|(_, s)| *s == Input::Unknown);
            let behind = unknown().find(|(at, _)| *at > cursor);
            behind.or_else(|| unknown().next()).map(|(at, _)| at)
        }
    }

    #[derive(Debug, Clone)]
    enum Event {
        Learnt(usize, Input),
        Signalled,
        Retry(i64),
        Grow(usize, usize),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let state = prop_oneof![
            Just(Input::Unknown),
            Just(Input::Pending(None)),
            (0..9_i64).prop_map(|at| Input::Pending(Some(at))),
            (0..9_i64).prop_map(Input::Failing),
            Just(Input::Ended),
            Just(Input::Stopped),
        ];
        let event = prop_oneof![
            8 => (any::<usize>(), state).prop_map(|(at, state)| Event::Learnt(at, state)),
            1 => Just(Event::Signalled),
            1 => (0..9_i64).prop_map(Event::Retry),
            1 => (0..3_usize, 0..6_usize).prop_map(|(input, count)| Event::Grow(input, count)),
        ];
        prop::collection::vec(event, 0..60)
    }

    proptest! {
        #[test]
        fn answers_are_those_of_looking_at_all_partitions(
            counts in prop::collection::vec(0..5_usize, 3),
            events in events(),
        ) {
            let mut partitions = Partitions::new(counts.iter().copied());
            let mut naive = Naive(counts.iter().map(|n| vec![Input::Unknown; *n]).collect());
            for event in events {
                match event {
                    Event::Learnt(which, state) => {
                        let there: Vec<At> = naive.all().map(|(at, _)| at).collect();
                        let Some(at) = which.checked_rem(there.len()).map(|i| there[i]) else {
                            continue;
                        };
                        let before = std::mem::replace(&mut naive.0[at.0][at.1], state);
                        prop_assert_eq!(partitions.set(at, state), before);
                    }
                    Event::Signalled => {
                        partitions.signalled();
                        naive.change(|s| matches!(s, Input::Pending(_)));
                    }
                    Event::Retry(now) => {
                        partitions.retry(now);
                        naive.change(|s| s.retry_at().is_some_and(|at| at <= now));
                    }
                    Event::Grow(input, count) => {
                        partitions.grow(input, count);
                        let of = &mut naive.0[input];
                        of.resize(count.max(of.len()), Input::Unknown);
                    }
                }
                let retry = naive.all().filter_map(|(_, s)| s.retry_at()).min();
                prop_assert_eq!(partitions.next_retry(), retry);
                let is_over = |s: Input| matches!(s, Input::Ended | Input::Stopped);
                prop_assert_eq!(partitions.all_ended(), naive.all().all(|(_, s)| s == Input::Ended));
                prop_assert_eq!(partitions.all_over(), naive.all().all(|(_, s)| is_over(s)));
                for cursor in [(0, 0), (1, 2), (2, 4)] {
                    prop_assert_eq!(partitions.next_unknown(cursor), naive.next_unknown(cursor));
                }
            }
        }
    }
}
