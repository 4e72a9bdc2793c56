//! What goes wrong while the sessions of an oracle write: one fault after another, each while the capturing process works, which
//! must go on by itself or, if it was killed, in another process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headwater_cdc::{Capture, Phase, Settings};
use headwater_log::{Log, TopicPartition};

use crate::oracle::{Random, is_soak};
use crate::process::{Running, say};
use crate::proxy::{Flow, Proxy};
use crate::topics::open;

/// Rounds of an oracle, of one fault each.
const ROUNDS: usize = 20;
const ROUNDS_SOAK: usize = 1000;
/// How much silence a capture bears in an oracle, in seconds.
pub(crate) const SILENCE_S: u64 = 2;
/// When a frozen connection must have been noticed: it may wait for a statement, or for one after another.
const NOTICED_MAX: Duration = Duration::from_secs(20 * SILENCE_S);
/// What a capturing process says at most before it must have come to where it is to be killed.
const LINES_MAX: usize = 2000;

/// How many there are; `HEADWATER_FAULTS` says it otherwise.
pub(crate) fn rounds() -> usize {
    let said = std::env::var("HEADWATER_FAULTS").ok();
    let usual = if is_soak() { ROUNDS_SOAK } else { ROUNDS };
    said.map_or(usual, |rounds| rounds.parse().unwrap())
}

/// A server that can be hurt.
pub(crate) trait Hurt {
    /// Falls, and stands up again.
    fn crash(&self);

    /// Ends the connections over which it sends its log.
    fn terminate(&self);
}

/// What a capturing process is told: where its log is, and the server.
pub(crate) fn tell(dir: &Path, url: &str, more: &str) -> String {
    format!("{}\t{url}\t{more}", dir.display())
}

/// The folder, the URL and the rest of what it was told.
pub(crate) fn parts(told: &str) -> (PathBuf, &str, &str) {
    let mut parts = told.splitn(3, '\t');
    let mut next = || parts.next().unwrap();
    (PathBuf::from(next()), next(), next())
}

/// The process that is hurt: it captures, and says again and again how far it is, until it is killed.
pub(crate) fn capture(dir: &Path, settings: impl Into<Settings>) {
    let log = open(dir);
    let capture = Capture::start(&log, settings).unwrap();
    loop {
        std::thread::park_timeout(Duration::from_millis(2));
        if let Some(error) = capture.failure() {
            panic!("{error}");
        }
        say(&state(&log, &capture));
    }
}

/// One word for what it does.
fn state(log: &Log, capture: &Capture) -> String {
    let status = capture.status();
    match status.phase {
        Phase::Waiting(why) => return format!("waits: {why}"),
        Phase::Streaming => {}
        phase => return format!("{phase:?}"),
    }
    let begun = |topic: &str| {
        let of = TopicPartition::new(topic, 0);
        log.bounds(&of)
            .is_ok_and(|bounds| bounds.end > bounds.start)
    };
    match status.tables.iter().find(|t| !t.is_done) {
        Some(table) if begun(&table.topic) => "reads".to_owned(),
        Some(_) => "begins to read".to_owned(),
        None => "streams".to_owned(),
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The process is killed at any moment.
    Killed,
    /// It is killed as soon as it is in this state, if it comes to it.
    KilledAs(&'static str),
    /// The server falls.
    Crashed,
    /// The server ends the connections over which it sends its log.
    Terminated,
    /// All connections are cut.
    Cut,
    /// Nothing is passed on until the process has noticed.
    Frozen,
    /// Nothing is passed on for a moment, which nobody need notice.
    Paused,
    /// Connections are slow for a while.
    Slowed,
}

/// All, those that are most likely to hurt more often.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::KilledAs("begins to read"),
    Fault::KilledAs("reads"),
    Fault::Cut,
    Fault::Killed,
    Fault::Frozen,
    Fault::Terminated,
    Fault::Killed,
    Fault::Slowed,
    Fault::Crashed,
    Fault::Killed,
    Fault::Paused,
];

/// The capturing process and what happens to it.
pub(crate) struct Faults<'a> {
    test: &'a str,
    /// What the process is told.
    pub(crate) told: String,
    proxy: &'a Proxy,
    server: &'a dyn Hurt,
    random: Random,
    running: Option<Running>,
    seen: BTreeMap<Fault, usize>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(
        test: &'a str,
        told: String,
        (proxy, server): (&'a Proxy, &'a dyn Hurt),
        seed: u64,
    ) -> Self {
        Self {
            test,
            told,
            proxy,
            server,
            random: Random(seed | 1),
            running: None,
            seen: BTreeMap::new(),
        }
    }

    /// One fault; afterwards it works, or is dead.
    pub(crate) fn round(&mut self, number: usize) {
        let fault = FAULTS[number % FAULTS.len()];
        if !matches!(fault, Fault::KilledAs(_)) {
            self.works();
        }
        match fault {
            Fault::Killed => {
                let lines = 1 + self.random.below(150) as usize;
                (0..lines).for_each(|_| drop(self.line()));
                self.kill();
            }
            Fault::KilledAs(state) => {
                // It may be beyond it by now.
                self.kill();
                // Not every process comes to it: not if all is read.
                let found = (0..LINES_MAX).any(|_| self.line() == state);
                self.kill();
                if !found {
                    return;
                }
            }
            Fault::Crashed => self.server.crash(),
            Fault::Terminated => self.server.terminate(),
            Fault::Cut => assert!(self.proxy.cut() > 0),
            Fault::Frozen => {
                self.proxy.set(Flow::Frozen);
                let frozen = Instant::now();
                while !self.line().starts_with("waits: ") {
                    assert!(frozen.elapsed() < NOTICED_MAX, "nobody has noticed");
                }
                self.proxy.set(Flow::Passes);
            }
            Fault::Paused => {
                self.proxy.set(Flow::Frozen);
                (0..100).for_each(|_| drop(self.line()));
                self.proxy.set(Flow::Passes);
            }
            Fault::Slowed => {
                self.proxy.set(Flow::Slow);
                (0..100).for_each(|_| drop(self.line()));
                self.proxy.set(Flow::Passes);
            }
        }
        *self.seen.entry(fault).or_default() += 1;
    }

    /// Kills the process, if there is one.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// How often what happened.
    pub(crate) fn end(mut self) -> BTreeMap<Fault, usize> {
        self.kill();
        self.seen
    }

    /// What the process says next; another one is started if there is none.
    fn line(&mut self) -> String {
        let start = || Running::start(self.test, &self.told);
        let running = self.running.get_or_insert_with(start);
        running.line().expect("it captures until it is killed")
    }

    /// Waits until the process follows the server.
    fn works(&mut self) {
        if let Some(running) = &mut self.running {
            running.forget();
        }
        let works = |line: &str| ["reads", "begins to read", "streams"].contains(&line);
        let mut last = String::new();
        for _ in 0..LINES_MAX * 10 {
            last = self.line();
            if works(&last) {
                return;
            }
        }
        panic!("it does not follow the server: {last}");
    }
}
