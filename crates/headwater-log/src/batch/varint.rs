//! Varints, least significant group first, as in protocol buffers: zigzag ones for Kafka's records, plain ones for
//! formats of our own.

/// Bytes that a 64-bit varint can take.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// Bytes that `value` takes.
#[inline]
pub(super) fn varint_len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends `value`, zigzag.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_uvarint(out, zigzag(value));
}

/// Reads a zigzag varint at `*at` and moves `*at` behind it; `None` if it is cut off or too long.
#[inline]
pub(super) fn get_varint(buf: &[u8], at: &mut usize) -> Option<i64> {
    get_uvarint(buf, at).map(unzigzag)
}

/// Appends `value`.
#[inline]
pub(crate) fn put_uvarint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let mut rest = value;
    let mut buf = [0u8; VARINT_BYTES_MAX];
    let mut len = 0;
    while rest >= 0x80 {
        buf[len] = (rest as u8) | 0x80;
        rest >>= 7;
        len += 1;
    }
    buf[len] = rest as u8;
    out.extend_from_slice(&buf[..=len]);
}

/// Reads a varint at `*at` and moves `*at` behind it; `None` if it is cut off or too long.
#[inline]
pub(crate) fn get_uvarint(buf: &[u8], at: &mut usize) -> Option<u64> {
    let first = *buf.get(*at)?;
    if first < 0x80 {
        *at += 1;
        return Some(u64::from(first));
    }
    get_long_uvarint(buf, at)
}

fn get_long_uvarint(buf: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for i in 0..VARINT_BYTES_MAX {
        let byte = *buf.get(*at + i)?;
        let group = u64::from(byte & 0x7f);
        if i == VARINT_BYTES_MAX - 1 && group > 1 {
            return None;
        }
        value |= group << (7 * i);
        if byte < 0x80 {
            *at += i + 1;
            return Some(value);
        }
    }
    None
}

#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}
