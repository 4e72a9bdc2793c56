//! Memory for the bytes of groups and of large batches, which is used again once nobody holds any of them: the kernel clears fresh
//! memory when it is first touched, which takes longer than to encode a batch into it, or than all else that is done for a small
//! commit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

/// Smaller buffers are cheap, and many of them are held at a time.
const BUFFER_BYTES_MIN: usize = 64 << 10;
/// Bytes of buffers that are kept for later.
const FREE_BYTES_MAX: usize = 16 << 20;
/// Sizes between a power of two and the next.
const SIZES: usize = 4;

/// The buffers of a log that nobody holds.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Arc<Mutex<Free>>);

#[derive(Debug, Default)]
struct Free {
    buffers: Vec<Vec<u8>>,
    /// Their capacities together.
    bytes: usize,
}

impl Buffers {
    /// An empty buffer for so many bytes.
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        if bytes < BUFFER_BYTES_MIN {
            return Vec::with_capacity(bytes);
        }
        // Sizes are few, so that what comes back fits again.
        let capacity = bytes.next_multiple_of(bytes.next_power_of_two() / 2 / SIZES);
        let mut free = lock(&self.0);
        let fits = |buffer: &Vec<u8>| (capacity..capacity * 2).contains(&buffer.capacity());
        let Some(at) = free.buffers.iter().rposition(fits) else {
            return Vec::with_capacity(capacity);
        };
        let buffer = free.buffers.swap_remove(at);
        free.bytes -= buffer.capacity();
        buffer
    }

    /// The bytes of a buffer, which comes back when the last part of them is let go of.
    pub(crate) fn share(&self, bytes: Vec<u8>) -> Bytes {
        if bytes.capacity() < BUFFER_BYTES_MIN {
            return bytes.into();
        }
        let home = Arc::downgrade(&self.0);
        Bytes::from_owner(Lent { bytes, home })
    }
}

fn lock(free: &Mutex<Free>) -> MutexGuard<'_, Free> {
    free.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer that somebody holds.
struct Lent {
    bytes: Vec<u8>,
    home: Weak<Mutex<Free>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else {
            return;
        };
        let mut free = lock(&home);
        let bytes = free.bytes + self.bytes.capacity();
        if bytes <= FREE_BYTES_MAX {
            self.bytes.clear();
            free.bytes = bytes;
            free.buffers.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(buffers: &Buffers, byte: u8, len: usize) -> Bytes {
        let mut buffer = buffers.take(len);
        assert!(buffer.is_empty() && buffer.capacity() >= len);
        buffer.resize(len, byte);
        buffers.share(buffer)
    }

    #[test]
    fn memory_is_used_again_once_no_part_of_it_is_held() {
        let buffers = Buffers::default();
        let first = filled(&buffers, 1, 100_000);
        let part = first.slice(10..20);
        let place = first.as_ptr();
        drop(first);
        let second = filled(&buffers, 2, 90_000);
        assert_ne!(second.as_ptr(), place);
        assert_eq!(part, [1; 10][..]);
        drop(part);
        let third = filled(&buffers, 3, 80_000);
        assert_eq!(third.as_ptr(), place);
        assert!(third.len() == 80_000 && third.iter().all(|byte| *byte == 3));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let buffers = Buffers::default();
        let all: Vec<Bytes> = (0..100).map(|i| filled(&buffers, i, 500_000)).collect();
        drop(all);
        let free = lock(&buffers.0);
        assert!(free.bytes <= FREE_BYTES_MAX && !free.buffers.is_empty());
        let bytes = free.buffers.iter().map(Vec::capacity);
        assert_eq!(free.bytes, bytes.sum::<usize>());
    }
}
