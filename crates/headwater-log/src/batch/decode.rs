//! One record of an uncompressed records section, as borrowed slices.

use crate::error::Result;

use super::header::corrupt;
use super::varint::get_varint;

/// A record as it lies in the batch.
pub(super) struct RawRecord<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) header_count: u32,
    /// The encoded headers.
    pub(super) headers: &'a [u8],
}

/// Reads the record at `*at` and moves `*at` behind it.
///
/// # Errors
/// `Corrupt` if a length points out of the record or the record out of the section.
#[inline]
pub(super) fn decode_record<'a>(section: &'a [u8], at: &mut usize) -> Result<RawRecord<'a>> {
    decode(section, at).ok_or_else(|| corrupt("record of a batch is damaged"))
}

/// The offset delta of the record at `*at`, which is moved behind it; `None` if it does not lie within the section. What else
/// is in the record is not looked at.
#[inline]
pub(super) fn skim(section: &[u8], at: &mut usize) -> Option<i64> {
    let length = usize::try_from(get_varint(section, at)?).ok()?;
    let end = at.checked_add(length)?;
    let body = section.get(*at..end)?;
    *at = end;
    let mut pos = 1; // the attributes of a record are unused
    get_varint(body, &mut pos)?; // its timestamp
    get_varint(body, &mut pos)
}

#[inline]
fn decode<'a>(section: &'a [u8], at: &mut usize) -> Option<RawRecord<'a>> {
    let length = usize::try_from(get_varint(section, at)?).ok()?;
    let end = at.checked_add(length)?;
    let body = section.get(*at..end)?;
    *at = end;
    let mut pos = 1; // the attributes of a record are unused
    let timestamp_delta = get_varint(body, &mut pos)?;
    let offset_delta = get_varint(body, &mut pos)?;
    let key = get_bytes(body, &mut pos)?;
    let value = get_bytes(body, &mut pos)?;
    let header_count = u32::try_from(get_varint(body, &mut pos)?).ok()?;
    let headers = &body[pos..];
    if header_count > 0 {
        check_headers(headers, header_count)?;
    } else if !headers.is_empty() {
        return None;
    }
    Some(RawRecord {
        timestamp_delta,
        offset_delta,
        key,
        value,
        header_count,
        headers,
    })
}

/// Reads one header of a section that [`decode_record`] has checked, or is checking.
#[inline]
pub(super) fn decode_header<'a>(
    headers: &'a [u8],
    at: &mut usize,
) -> Option<(&'a str, Option<&'a [u8]>)> {
    let key = std::str::from_utf8(get_bytes(headers, at)??).ok()?;
    Some((key, get_bytes(headers, at)?))
}

fn check_headers(headers: &[u8], count: u32) -> Option<()> {
    let mut at = 0;
    for _ in 0..count {
        decode_header(headers, &mut at)?;
    }
    (at == headers.len()).then_some(())
}

/// A length-prefixed slice; -1 is null.
#[inline]
fn get_bytes<'a>(buf: &'a [u8], at: &mut usize) -> Option<Option<&'a [u8]>> {
    let length = get_varint(buf, at)?;
    if length < 0 {
        return (length == -1).then_some(None);
    }
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let slice = buf.get(*at..end)?;
    *at = end;
    Some(Some(slice))
}
