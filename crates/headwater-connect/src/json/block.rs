//! Sixteen bytes of JSON at a time: which of them end a string, which open or close something. The only module here with
//! `unsafe`: calls of SSE2 instructions, which every x86-64 has. Elsewhere plain loops give the same masks.

/// How many bytes are looked at together.
pub(super) const BLOCK: usize = 16;

/// Bytes of a record, and a mask with a bit for each of them that was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Bit `i`: byte `i` is one of those looked for.
    pub(super) mask: u32,
    /// Bit `i`: byte `i` is not ASCII.
    pub(super) wide: u32,
    /// How many bytes there were.
    pub(super) len: usize,
}

/// Quotes, backslashes and control characters from `at` on.
#[inline]
pub(super) fn string_ends(bytes: &[u8], at: usize) -> Found {
    look(bytes, at, lanes::string_ends)
}

/// Quotes and backslashes from `at` on.
#[inline]
pub(super) fn quotes(bytes: &[u8], at: usize) -> Found {
    look(bytes, at, lanes::quotes)
}

/// Quotes and brackets from `at` on.
#[inline]
pub(super) fn structurals(bytes: &[u8], at: usize) -> Found {
    look(bytes, at, lanes::structurals)
}

/// The block at `at`, or what is left of it: then the last block is looked at, and what lies before `at` is shifted out.
#[inline]
fn look(bytes: &[u8], at: usize, masks: impl Fn(&[u8; BLOCK]) -> (u32, u32)) -> Found {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        let (mask, wide) = masks(block);
        return Found {
            mask,
            wide,
            len: BLOCK,
        };
    }
    let (mask, wide) = match bytes.last_chunk() {
        Some(block) => {
            let (mask, wide) = masks(block);
            (mask >> (BLOCK - rest.len()), wide >> (BLOCK - rest.len()))
        }
        None => {
            let mut block = [b' '; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            masks(&block)
        }
    };
    Found {
        mask,
        wide,
        len: rest.len(),
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "SSE2 instructions are marked unsafe where the compiler does not see that all have them"
)]
mod lanes {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8,
    };

    use super::BLOCK;

    #[inline]
    pub(super) fn string_ends(block: &[u8; BLOCK]) -> (u32, u32) {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { string_ends_sse2(block) }
    }

    #[inline]
    pub(super) fn quotes(block: &[u8; BLOCK]) -> (u32, u32) {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { quotes_sse2(block) }
    }

    #[inline]
    pub(super) fn structurals(block: &[u8; BLOCK]) -> (u32, u32) {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { structurals_sse2(block) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(block: &[u8; BLOCK]) -> __m128i {
        let word = u128::from_le_bytes(*block);
        _mm_set_epi64x((word >> 64) as i64, word as i64)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn equal(block: __m128i, byte: u8) -> __m128i {
        _mm_cmpeq_epi8(block, _mm_set1_epi8(byte as i8))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn bits(lanes: __m128i) -> u32 {
        _mm_movemask_epi8(lanes) as u32
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn string_ends_sse2(block: &[u8; BLOCK]) -> (u32, u32) {
        let block = load(block);
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        let ends = _mm_or_si128(equal(block, b'"'), equal(block, b'\\'));
        (bits(_mm_or_si128(ends, control)), bits(block))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn quotes_sse2(block: &[u8; BLOCK]) -> (u32, u32) {
        let block = load(block);
        let ends = _mm_or_si128(equal(block, b'"'), equal(block, b'\\'));
        (bits(ends), bits(block))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn structurals_sse2(block: &[u8; BLOCK]) -> (u32, u32) {
        let block = load(block);
        // With bit 5 set, `[` is `{` and `]` is `}`; no other byte becomes one of them.
        let folded = _mm_or_si128(block, _mm_set1_epi8(0x20));
        let brackets = _mm_or_si128(equal(folded, b'{'), equal(folded, b'}'));
        (
            bits(_mm_or_si128(brackets, equal(block, b'"'))),
            bits(block),
        )
    }
}

#[cfg(not(target_arch = "x86_64"))]
use plain as lanes;

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::BLOCK;

    pub(super) fn string_ends(block: &[u8; BLOCK]) -> (u32, u32) {
        (
            bits(block, |b| matches!(b, b'"' | b'\\' | 0..0x20)),
            wide(block),
        )
    }

    pub(super) fn quotes(block: &[u8; BLOCK]) -> (u32, u32) {
        (bits(block, |b| matches!(b, b'"' | b'\\')), wide(block))
    }

    pub(super) fn structurals(block: &[u8; BLOCK]) -> (u32, u32) {
        (
            bits(block, |b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']')),
            wide(block),
        )
    }

    fn wide(block: &[u8; BLOCK]) -> u32 {
        bits(block, |b| b >= 0x80)
    }

    fn bits(block: &[u8; BLOCK], is_wanted: impl Fn(u8) -> bool) -> u32 {
        let bit = |(i, byte): (usize, &u8)| u32::from(is_wanted(*byte)) << i;
        block.iter().enumerate().map(bit).sum()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn instructions_and_loops_find_the_same_bytes() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..2_000 {
            let mut block: [u8; BLOCK] = rng.random();
            for byte in &mut block {
                if rng.random_bool(0.3) {
                    *byte = b"\"\\{}[]\x00\x1f\x20\x7f\x80\xff"[rng.random_range(0..12)];
                }
            }
            assert_eq!(
                lanes::string_ends(&block),
                plain::string_ends(&block),
                "{block:?}"
            );
            assert_eq!(lanes::quotes(&block), plain::quotes(&block), "{block:?}");
            assert_eq!(
                lanes::structurals(&block),
                plain::structurals(&block),
                "{block:?}"
            );
        }
    }

    #[test]
    fn the_end_of_the_bytes_is_looked_at_like_the_rest() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length)
                .map(|i| if i % 3 == 0 { b'"' } else { 0xc3 })
                .collect();
            for at in 0..length + 3 {
                let found = quotes(&text, at);
                let rest = text.get(at..).unwrap_or_default();
                assert_eq!(found.len, rest.len().min(BLOCK));
                for i in 0..BLOCK {
                    let byte = rest.get(i);
                    assert_eq!(
                        found.mask >> i & 1 == 1,
                        byte == Some(&b'"'),
                        "{length} {at}"
                    );
                    assert_eq!(
                        found.wide >> i & 1 == 1,
                        byte == Some(&0xc3),
                        "{length} {at}"
                    );
                }
            }
        }
    }
}
