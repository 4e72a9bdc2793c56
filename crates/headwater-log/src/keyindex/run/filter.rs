//! A Bloom filter whose bits for one term lie in one cache line, ten bits a term: about one in a hundred absent terms
//! passes.

const BITS_PER_TERM: usize = 10;
const LINE_BITS: u64 = 512;
const LINE_BYTES: usize = 64;
const PROBES: u32 = 6;

/// Says "certainly not there" of most terms that are not there.
#[derive(Debug)]
pub(super) struct Filter(Vec<u8>);

impl Filter {
    /// Room for `terms` terms.
    pub(super) fn with_room(terms: u64) -> Self {
        let lines = (terms as usize * BITS_PER_TERM).div_ceil(LINE_BITS as usize);
        Self(vec![0; lines.max(1) * LINE_BYTES])
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let whole = !bytes.is_empty() && bytes.len().is_multiple_of(LINE_BYTES);
        whole.then_some(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn add(&mut self, hash: u64) {
        let line = self.line(hash);
        for bit in bits(hash) {
            self.0[line + bit / 8] |= 1 << (bit % 8);
        }
    }

    pub(super) fn may_have(&self, hash: u64) -> bool {
        let line = self.line(hash);
        bits(hash).all(|bit| self.0[line + bit / 8] & (1 << (bit % 8)) != 0)
    }

    fn line(&self, hash: u64) -> usize {
        let lines = (self.0.len() / LINE_BYTES) as u64;
        ((u128::from(hash) * u128::from(lines)) >> 64) as usize * LINE_BYTES
    }
}

fn bits(hash: u64) -> impl Iterator<Item = usize> {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (0..PROBES).map(move |i| ((mixed >> (10 * i)) % LINE_BITS) as usize)
}
