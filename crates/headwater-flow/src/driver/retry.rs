//! What is unavailable is tried again, after longer and longer waits, for a bounded time. Pure.

/// The first wait, milliseconds.
const WAIT_MS_MIN: i64 = 100;
/// The longest wait, milliseconds.
const WAIT_MS_MAX: i64 = 10_000;

/// How something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Retry {
    since: Option<i64>,
    wait_ms: i64,
}

impl Retry {
    /// It has failed at `now`, milliseconds. When to try again; `None` once it has failed for `max_ms`.
    pub(super) fn failed(&mut self, now: i64, max_ms: i64) -> Option<i64> {
        let since = *self.since.get_or_insert(now);
        if now - since >= max_ms {
            return None;
        }
        self.wait_ms = (self.wait_ms * 2).clamp(WAIT_MS_MIN, WAIT_MS_MAX);
        Some(now + self.wait_ms.min((since + max_ms - now).max(WAIT_MS_MIN)))
    }

    /// It works again; says whether it had failed.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::take(self).since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_end_of_patience() {
        let mut retry = Retry::default();
        let (mut now, mut waits) = (0, Vec::new());
        while let Some(at) = retry.failed(now, 30_000) {
            waits.push(at - now);
            now = at;
        }
        assert_eq!(waits[..4], [100, 200, 400, 800]);
        assert!(waits.iter().all(|w| *w <= WAIT_MS_MAX));
        assert_eq!(now, 30_000);
        assert!(retry.succeeded());
        assert_eq!(retry.failed(now, 30_000), Some(now + WAIT_MS_MIN));
    }
}
