//! Appends, many in flight at a time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::event::{NewEvent, Position};
use crate::store::{Append, Appended, Condition, Expected, Store};
use crate::task::block_on;
use crate::{Query, QueryItem};

/// Streams that plain appends go to in turn.
const STREAMS: u64 = 100_000;

type Flying<'a> = Pin<Box<dyn Future<Output = Result<Appended>> + Send + 'a>>;

/// What fills events up: written once, so that making an event costs little beside storing it.
const NOTE: &str = "left at the door of the neighbours, who have been told so, by the second of three carriers that were asked, \
    for the first one's van was full and the third did not ";

/// An event of some 200 bytes.
fn event(n: u64) -> NewEvent {
    NewEvent::new("order.placed", data_of(n))
}

/// The JSON of such an event.
pub fn data_of(n: u64) -> String {
    let n = n.to_string();
    [r#"{"n":"#, &n, r#","note":""#, NOTE, r#""}"#].concat()
}

/// Events for one of many streams, whatever its version.
pub fn plain(n: u64, events: usize) -> Append {
    let events = (0..events).map(|_| event(n));
    Append::new().to(format!("order-{}", n % STREAMS), Expected::Any, events)
}

/// Events for a stream that is new, if none of a customer has come since what was seen.
pub fn conditional(n: u64, events: usize, seen: Position) -> Append {
    let query = Query {
        items: vec![QueryItem {
            types: vec!["order.placed".to_owned()],
            tags: vec![format!("customer:{n}")],
        }],
    };
    let events = (0..events).map(|_| event(n));
    Append::new()
        .to(format!("new-{n}"), Expected::NoStream, events)
        .when(Condition::NoneSince { query, from: seen })
}

/// A number that no append of this process has had.
fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs an append to its end as a runtime of many tasks does: what is to be written is left to the log's own thread, so that this
/// one can make the next appends meanwhile.
fn run(mut append: Flying<'_>) -> Result<Appended> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match append.as_mut().poll(&mut context) {
            Poll::Ready(appended) => return appended,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Appends for a while as one client does that waits for each; gives how many came back a second.
///
/// # Errors
/// Those of the appends.
pub fn one_by_one(store: &Store, time: Duration, make: &dyn Fn(u64) -> Append) -> Result<f64> {
    let (started, mut done) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        block_on(store.append(make(fresh())))?;
        done += 1;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}

/// Keeps so many appends in flight for a while; gives how many came back a second.
///
/// # Errors
/// Those of the appends.
pub fn flood(
    store: &Store,
    in_flight: usize,
    time: Duration,
    make: &dyn Fn(u64) -> Append,
) -> Result<f64> {
    let mut flying: VecDeque<Flying<'_>> = VecDeque::with_capacity(in_flight);
    let mut context = Context::from_waker(Waker::noop());
    let (started, mut done) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        while flying.len() < in_flight {
            let mut append: Flying<'_> = Box::pin(store.append(make(fresh())));
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
            run(oldest)?;
            done += 1;
        }
    }
    let rate = f64::from(done) / started.elapsed().as_secs_f64();
    for append in flying {
        block_on(append)?;
    }
    Ok(rate)
}
