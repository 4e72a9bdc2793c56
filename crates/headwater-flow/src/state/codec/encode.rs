//! Columns into bytes, row by row.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::row::Rows;

use super::key_codec::{ColumnCodec, misfit};
use crate::error::Result;

/// What stands before a value.
pub(super) const VALID: u8 = 1;
/// Ends bytes, and stands for a null.
pub(super) const END: u8 = 0;
/// Follows a 0 that is not the end.
pub(super) const ESCAPE: u8 = 255;

/// Encoded rows.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Ends,
}

/// Where rows end.
#[derive(Debug)]
enum Ends {
    /// Each after so many bytes; how many there are.
    Every(usize, usize),
    /// Each here.
    At(Vec<usize>),
}

impl Default for Ends {
    fn default() -> Self {
        Self::Every(0, 0)
    }
}

impl Keys {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match &self.ends {
            Ends::Every(_, rows) => *rows,
            Ends::At(ends) => ends.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of row `i`.
    #[inline]
    pub fn key(&self, i: usize) -> &[u8] {
        match &self.ends {
            Ends::Every(width, _) => &self.bytes[i * width..(i + 1) * width],
            Ends::At(ends) => {
                let start = if i == 0 { 0 } else { ends[i - 1] };
                &self.bytes[start..ends[i]]
            }
        }
    }

    /// The bytes of all rows.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.key(i))
    }

    pub(super) fn encode(
        columns: &[Column<'_>],
        rows: usize,
        width: Option<usize>,
    ) -> Result<Self> {
        let mut bytes = Vec::with_capacity(rows * width.unwrap_or(32 * columns.len()));
        let ends = match width {
            Some(width) => {
                bytes.resize(rows * width, 0);
                let mut at = 0;
                for column in columns {
                    at += column.fill(&mut bytes[..], at, width);
                }
                Ends::Every(width, rows)
            }
            None => {
                let mut ends = Vec::with_capacity(rows);
                for i in 0..rows {
                    columns.iter().for_each(|c| c.append(i, &mut bytes));
                    ends.push(bytes.len());
                }
                Ends::At(ends)
            }
        };
        Ok(Self { bytes, ends })
    }
}

/// A column to be encoded.
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Number {
        width: usize,
        is_signed: bool,
        bytes: Buffer,
    },
    Bytes {
        ends: &'a [i32],
        bytes: &'a [u8],
        /// Whether there is anything among them that must be escaped.
        has_ends: bool,
    },
    Other(Rows),
}

impl<'a> Values<'a> {
    fn bytes(ends: &'a [i32], bytes: &'a [u8]) -> Self {
        let used = match ends {
            [first, .., last] => &bytes[*first as usize..*last as usize],
            _ => &[],
        };
        Self::Bytes {
            ends,
            bytes,
            has_ends: memchr::memchr(END, used).is_some(),
        }
    }
}

impl<'a> Column<'a> {
    pub(super) fn new(codec: &ColumnCodec, column: &'a ArrayRef) -> Result<Self> {
        let values = match codec {
            ColumnCodec::Number {
                width,
                is_signed,
                data_type,
            } if column.data_type() == data_type => {
                let data = column.to_data();
                let bytes = data.buffers().first().ok_or_else(misfit)?;
                Values::Number {
                    width: *width,
                    is_signed: *is_signed,
                    bytes: bytes.slice_with_length(data.offset() * width, data.len() * width),
                }
            }
            ColumnCodec::Bytes(_) => {
                match (column.as_string_opt::<i32>(), column.as_binary_opt()) {
                    (Some(text), _) => Values::bytes(text.value_offsets(), text.value_data()),
                    (_, Some(binary)) => Values::bytes(binary.value_offsets(), binary.value_data()),
                    _ => return Err(misfit()),
                }
            }
            ColumnCodec::Other(converter) => {
                Values::Other(converter.convert_columns(std::slice::from_ref(column))?)
            }
            ColumnCodec::Number { .. } => return Err(misfit()),
        };
        let nulls = match values {
            // Arrow's rows have their own nulls.
            Values::Other(_) => None,
            _ => column.nulls().filter(|n| n.null_count() > 0).cloned(),
        };
        Ok(Self { nulls, values })
    }

    #[inline]
    fn is_null(&self, i: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(i))
    }

    /// Writes the values into rows of `width` zeros, each from `at` on; gives how many bytes each takes.
    fn fill(&self, rows: &mut [u8], at: usize, width: usize) -> usize {
        let Values::Number {
            width: own,
            is_signed,
            bytes,
        } = &self.values
        else {
            unreachable!("a row of fixed width has only numbers");
        };
        match own {
            1 => self.fill_numbers::<1>(rows, at, width, *is_signed, bytes),
            2 => self.fill_numbers::<2>(rows, at, width, *is_signed, bytes),
            4 => self.fill_numbers::<4>(rows, at, width, *is_signed, bytes),
            8 => self.fill_numbers::<8>(rows, at, width, *is_signed, bytes),
            _ => self.fill_numbers::<16>(rows, at, width, *is_signed, bytes),
        }
        1 + own
    }

    fn fill_numbers<const N: usize>(
        &self,
        rows: &mut [u8],
        at: usize,
        width: usize,
        is_signed: bool,
        bytes: &[u8],
    ) {
        let (numbers, _) = bytes.as_chunks::<N>();
        for (i, (row, number)) in rows.chunks_exact_mut(width).zip(numbers).enumerate() {
            if self.is_null(i) {
                continue;
            }
            row[at] = VALID;
            if let Some(to) = row[at + 1..].first_chunk_mut::<N>() {
                *to = ordered(*number, is_signed);
            }
        }
    }

    /// Appends the value of row `i`.
    #[inline]
    fn append(&self, i: usize, out: &mut Vec<u8>) {
        if let Values::Other(rows) = &self.values {
            return append_bytes(rows.row(i).data(), true, out);
        }
        let is_null = self.is_null(i);
        match &self.values {
            Values::Number {
                width,
                is_signed,
                bytes,
            } => {
                let number = &bytes[i * width..(i + 1) * width];
                match (is_null, *width) {
                    (true, width) => out.resize(out.len() + 1 + width, 0),
                    (_, 1) => append_number::<1>(number, *is_signed, out),
                    (_, 2) => append_number::<2>(number, *is_signed, out),
                    (_, 4) => append_number::<4>(number, *is_signed, out),
                    (_, 8) => append_number::<8>(number, *is_signed, out),
                    _ => append_number::<16>(number, *is_signed, out),
                }
            }
            Values::Bytes {
                ends,
                bytes,
                has_ends,
            } => match is_null {
                true => out.push(END),
                false => {
                    let value = &bytes[ends[i] as usize..ends[i + 1] as usize];
                    append_bytes(value, *has_ends, out);
                }
            },
            Values::Other(_) => {}
        }
    }
}

#[inline]
fn append_number<const N: usize>(number: &[u8], is_signed: bool, out: &mut Vec<u8>) {
    if let Some(number) = number.first_chunk::<N>() {
        out.push(VALID);
        out.extend_from_slice(&ordered(*number, is_signed));
    }
}

/// A little-endian number such that its bytes compare as it does; undone by [`natural`].
#[inline]
fn ordered<const N: usize>(mut number: [u8; N], is_signed: bool) -> [u8; N] {
    number.reverse();
    number[0] ^= u8::from(is_signed) << 7;
    number
}

/// Undoes [`ordered`].
#[inline]
pub(super) fn natural<const N: usize>(mut number: [u8; N], is_signed: bool) -> [u8; N] {
    number[0] ^= u8::from(is_signed) << 7;
    number.reverse();
    number
}

#[inline]
fn append_bytes(value: &[u8], may_have_ends: bool, out: &mut Vec<u8>) {
    out.reserve(value.len() + 2);
    out.push(VALID);
    if may_have_ends && value.contains(&END) {
        return append_escaped(value, out);
    }
    out.extend_from_slice(value);
    out.push(END);
}

#[cold]
fn append_escaped(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        out.push(*byte);
        if *byte == END {
            out.push(ESCAPE);
        }
    }
    out.push(END);
}
