//! Figures of the event store beside the raw disk: `cargo run --release -p headwater-events --example events_rate -- DIR`.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use headwater_events::{
    Append, Appended, BoxError, Condition, Delivery, Event, Expected, Filter, HandlerView,
    NewEvent, Position, ProjectionId, Projector, Query, QueryItem, Recorded, State, Store, Turn,
    block_on,
};
use headwater_log::{Log, ManualClock, Options, Timestamp};
use serde::{Deserialize, Serialize};

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;
type Future<'a> =
    Pin<Box<dyn std::future::Future<Output = headwater_events::Result<Appended>> + Send + 'a>>;

/// How long each figure is taken, in turns with what it is compared with.
const TURN: Duration = Duration::from_millis(500);
const TURNS: u32 = 4;

#[derive(Serialize, Deserialize)]
enum CounterEvent {
    Added { amount: u64, note: String },
}
impl Event for CounterEvent {}

struct Counter {
    sum: u64,
}

impl State for Counter {
    const NAME: &'static str = "counter";
    type Event = CounterEvent;

    fn initial(_: &str) -> Self {
        Self { sum: 0 }
    }

    fn evolve(&mut self, event: &CounterEvent) {
        let CounterEvent::Added { amount, .. } = event;
        self.sum += amount;
    }
}

fn main() -> Done {
    let dir = std::env::args().nth(1).ok_or("which directory?")?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
    let log = Log::open_dir(&dir.join("log"), clock, Options::default())?;
    let store = Store::on_log(log, "events")?;
    let raw = Raw::make(dir)?;
    println!("| figure | rate | beside |");
    println!("|---|---:|---:|");
    beside("one client, raw syncs", &raw, 4096, 1.0, || {
        flood(&store, 1, 1, plain)
    })?;
    beside(
        "1024 in flight, 0.5 x 1024 x raw 64 KiB",
        &raw,
        64 << 10,
        512.0,
        || flood(&store, 1024, 1, plain),
    )?;
    against("1024 in flight with version and query, without", &store)?;
    let batches = mean(|| flood(&store, 64, 100, plain))?;
    println!("| batches of 100, events | {:.0}/s | |", batches * 100.0);
    for events in [10, 1000] {
        load(&store, events)?;
    }
    subscribe(&store)
}

fn mean(rate: impl Fn() -> Done<f64>) -> Done<f64> {
    let mut sum = 0.0;
    for _ in 0..TURNS {
        sum += rate()?;
    }
    Ok(sum / f64::from(TURNS))
}

fn beside(name: &str, raw: &Raw, bytes: usize, scale: f64, ours: impl Fn() -> Done<f64>) -> Done {
    let (mut us, mut them) = (0.0, 0.0);
    for _ in 0..TURNS {
        them += raw.rate(bytes)? * scale / f64::from(TURNS);
        us += ours()? / f64::from(TURNS);
    }
    println!("| {name} | {us:.0}/s | {them:.0}/s: {:.2} |", us / them);
    Ok(())
}

fn against(name: &str, store: &Store) -> Done {
    let (mut with, mut without) = (0.0, 0.0);
    for _ in 0..TURNS {
        without += flood(store, 1024, 1, plain)? / f64::from(TURNS);
        let seen = block_on(store.end())?;
        let conditional = |n, events| conditional(n, events, seen);
        with += flood(store, 1024, 1, conditional)? / f64::from(TURNS);
    }
    println!(
        "| {name} | {with:.0}/s | {without:.0}/s: {:.2} |",
        with / without
    );
    Ok(())
}

fn event(n: u64) -> NewEvent {
    NewEvent::new(
        "order.placed",
        format!(r#"{{"n":{n},"note":"{:0>150}"}}"#, n),
    )
}

fn plain(n: u64, events: usize) -> Append {
    let events = (0..events).map(|_| event(n));
    Append::new().to(format!("order-{}", n % 100_000), Expected::Any, events)
}

/// Of a new stream, if nothing of a customer has come since what was seen.
fn conditional(n: u64, events: usize, from: Position) -> Append {
    let (n, tag) = (n + fresh(), format!("customer:{n}"));
    let query = Query {
        items: vec![QueryItem {
            types: vec!["order.placed".to_owned()],
            tags: vec![tag],
        }],
    };
    let events = (0..events).map(|_| event(n));
    Append::new()
        .to(format!("fresh-{n}"), Expected::NoStream, events)
        .when(Condition::NoneSince { query, from })
}

/// A number that no turn has had.
fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(10_000_000, Ordering::Relaxed)
}

/// Appends a second, so many in flight at a time.
fn flood(
    store: &Store,
    in_flight: usize,
    events: usize,
    make: impl Fn(u64, usize) -> Append,
) -> Done<f64> {
    let mut flying: VecDeque<Future<'_>> = VecDeque::new();
    let mut context = Context::from_waker(Waker::noop());
    let (started, mut made, mut done) = (Instant::now(), 0, 0u32);
    while started.elapsed() < TURN {
        while flying.len() < in_flight {
            let mut append: Future<'_> = Box::pin(store.append(make(made, events)));
            made += 1;
            // It is on its way once it has been polled.
            match append.as_mut().poll(&mut context) {
                Poll::Ready(appended) => {
                    appended?;
                    done += 1;
                }
                Poll::Pending => flying.push_back(append),
            }
        }
        if let Some(oldest) = flying.pop_front() {
            block_on(oldest)?;
            done += 1;
        }
    }
    let rate = f64::from(done) / started.elapsed().as_secs_f64();
    for append in flying {
        block_on(append)?;
    }
    Ok(rate)
}

fn load(store: &Store, events: u64) -> Done {
    const STREAMS: u64 = 50;
    for n in 0..events {
        let mut all = Append::new();
        for stream in 0..STREAMS {
            let note = "x".repeat(100);
            let event = CounterEvent::Added { amount: n, note }.to_new()?;
            all = all.to(format!("counter-{events}-{stream}"), Expected::Any, [event]);
        }
        block_on(store.append(all))?;
    }
    let started = Instant::now();
    const TIMES: u64 = 500;
    let mut sum = 0;
    for n in 0..TIMES {
        let id = format!("{events}-{}", n * 7 % STREAMS);
        sum += block_on(store.load::<Counter>(&id))?.state.sum;
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / TIMES as f64;
    assert_eq!(sum, TIMES * events * (events - 1) / 2);
    println!("| load of {events} events | {each:.1} µs | |");
    Ok(())
}

fn subscribe(store: &Store) -> Done {
    let mut bytes = 0;
    let handler = |event: &Recorded, _: &Delivery| -> Result<(), BoxError> {
        bytes += event.data.len();
        Ok(())
    };
    let id = ProjectionId::new("rate");
    let view = HandlerView::new(store.clone(), id.clone(), handler);
    let mut projector = Projector::new(store.clone(), id, Filter::all(), view);
    let started = Instant::now();
    while block_on(projector.turn())? == Turn::More && started.elapsed() < TURN * 8 {}
    let applied = projector.progress().status().applied;
    let rate = applied as f64 / started.elapsed().as_secs_f64();
    println!("| subscription to a handler, {applied} events | {rate:.0}/s | |");
    drop(projector);
    assert!(bytes > 0);
    Ok(())
}

/// A raw file with its blocks in place.
struct Raw(File);

impl Raw {
    const BYTES: u64 = 64 << 20;

    fn make(dir: &Path) -> Done<Self> {
        let file = File::create(dir.join("raw"))?;
        for at in (0..Self::BYTES).step_by(1 << 20) {
            file.write_all_at(&vec![0; 1 << 20], at)?;
        }
        file.sync_all()?;
        Ok(Self(file))
    }

    /// Syncs a second of writes of so many bytes.
    fn rate(&self, bytes: usize) -> Done<f64> {
        let block = vec![1; bytes];
        let (started, mut syncs, mut at) = (Instant::now(), 0, 0);
        while started.elapsed() < TURN {
            if at + bytes as u64 > Self::BYTES {
                at = 0;
            }
            self.0.write_all_at(&block, at)?;
            self.0.sync_data()?;
            at += bytes as u64;
            syncs += 1;
        }
        Ok(f64::from(syncs) / started.elapsed().as_secs_f64())
    }
}
