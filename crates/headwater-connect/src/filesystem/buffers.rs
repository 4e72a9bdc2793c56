//! Memory for chunks, used again and again: pages that the process has already and the cache still holds, instead of fresh
//! ones from the kernel for every chunk.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

/// How many idle buffers are kept: the chunks of two steps.
const IDLE_MAX: usize = 16;

/// Bytes that fill less than this part of a buffer are copied out of it.
const FEW: usize = 4;

/// Buffers of one length that nobody uses at the moment.
#[derive(Debug, Clone)]
pub(super) struct Buffers(Arc<Idle>);

#[derive(Debug)]
struct Idle {
    length: usize,
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// Bytes that have been read, and where their memory goes afterwards.
#[derive(Debug)]
pub(super) struct Buffer {
    /// All of it is initialised; what was read lies in front.
    memory: Vec<u8>,
    length: usize,
    home: Weak<Idle>,
}

impl Buffers {
    /// Buffers of `length` bytes.
    pub(super) fn new(length: usize) -> Self {
        Self(Arc::new(Idle {
            length,
            buffers: Mutex::new(Vec::new()),
        }))
    }

    /// At least `length` bytes of any content.
    pub(super) fn take(&self, length: usize) -> Buffer {
        if length > self.0.length {
            return Buffer::from(vec![0; length]);
        }
        let idle = self.0.lock().pop();
        Buffer {
            memory: idle.unwrap_or_else(|| vec![0; self.0.length]),
            length: self.0.length,
            home: Arc::downgrade(&self.0),
        }
    }
}

impl Idle {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// The memory, to be read into.
    pub(super) fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// Keeps the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = length.min(self.memory.len());
    }

    /// The bytes, whose memory comes back when the last reference is gone; at once if they are few, so that a thousand
    /// small files do not hold a thousand buffers.
    pub(super) fn freeze(self) -> Bytes {
        if self.length < self.memory.len() / FEW {
            return Bytes::copy_from_slice(self.as_ref());
        }
        Bytes::from_owner(self)
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(memory: Vec<u8>) -> Self {
        Self {
            length: memory.len(),
            memory,
            home: Weak::new(),
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else {
            return;
        };
        let mut idle = home.lock();
        if idle.len() < IDLE_MAX {
            idle.push(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_when_its_bytes_are_gone() {
        let buffers = Buffers::new(8);
        let mut first = buffers.take(3);
        first.memory()[..3].copy_from_slice(b"abc");
        first.truncate(3);
        let bytes = first.freeze();
        let part = bytes.slice(1..);
        drop(bytes);
        assert_eq!(buffers.0.lock().len(), 0, "a part is still in use");
        assert_eq!(part, "bc");
        drop(part);
        assert_eq!(buffers.0.lock().len(), 1);
        assert_eq!(buffers.take(8).memory().len(), 8);
        assert_eq!(buffers.0.lock().len(), 1);
        drop(buffers.take(9));
        assert_eq!(buffers.0.lock().len(), 1, "too long to be kept");
        let mut few = buffers.take(8);
        few.truncate(1);
        let few = few.freeze();
        assert_eq!(
            (few.len(), buffers.0.lock().len()),
            (1, 1),
            "few are copied"
        );
    }

    #[test]
    fn bytes_outlive_their_source() {
        let mut buffer = Buffers::new(8).take(8);
        buffer.memory().copy_from_slice(b"01234567");
        assert_eq!(buffer.freeze(), "01234567");
    }
}
