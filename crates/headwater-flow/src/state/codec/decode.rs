//! Bytes into columns.

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayData, ArrayRef, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use arrow::row::RowConverter;

use super::encode::{END, ESCAPE, VALID, natural};
use super::key_codec::ColumnCodec;
use crate::error::Result;

/// A column under construction.
pub(super) struct Builder<'a> {
    nulls: NullBufferBuilder,
    values: Values<'a>,
}

enum Values<'a> {
    Number {
        width: usize,
        is_signed: bool,
        data_type: &'a DataType,
        bytes: Vec<u8>,
    },
    Bytes(&'a DataType, Varlen),
    Other(&'a RowConverter, Varlen),
}

/// Bytes one after the other, and where each value ends.
struct Varlen {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Varlen {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ends: vec![0],
        }
    }

    /// Takes a value that begins `rest`, and gives what follows it.
    fn take<'b>(&mut self, mut rest: &'b [u8]) -> Option<&'b [u8]> {
        loop {
            let end = memchr::memchr(END, rest)?;
            self.bytes.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.split_first() {
                Some((&ESCAPE, after)) => {
                    self.bytes.push(END);
                    rest = after;
                }
                _ => return self.end().then_some(rest),
            }
        }
    }

    /// Ends a value; false if there is no room for more in one column.
    fn end(&mut self) -> bool {
        let end = i32::try_from(self.bytes.len());
        end.map(|end| self.ends.push(end)).is_ok()
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let bounds = self.ends.windows(2);
        bounds.map(|b| &self.bytes[b[0] as usize..b[1] as usize])
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(codec: &'a ColumnCodec) -> Self {
        Self {
            nulls: NullBufferBuilder::new(0),
            values: match codec {
                ColumnCodec::Number {
                    width,
                    is_signed,
                    data_type,
                } => Values::Number {
                    width: *width,
                    is_signed: *is_signed,
                    data_type,
                    bytes: Vec::new(),
                },
                ColumnCodec::Bytes(data_type) => Values::Bytes(data_type, Varlen::new()),
                ColumnCodec::Other(converter) => Values::Other(converter, Varlen::new()),
            },
        }
    }

    /// Takes the value that begins `key`, and gives what follows it; `None` if there is none.
    pub(super) fn take<'b>(&mut self, key: &'b [u8]) -> Option<&'b [u8]> {
        let (mark, rest) = key.split_first()?;
        let is_valid = *mark == VALID;
        if !is_valid && *mark != END {
            return None;
        }
        self.nulls.append(is_valid);
        match (&mut self.values, is_valid) {
            (
                Values::Number {
                    width,
                    is_signed,
                    bytes,
                    ..
                },
                _,
            ) => {
                let (number, rest) = rest.split_at_checked(*width)?;
                match (is_valid, *width) {
                    (false, width) => bytes.resize(bytes.len() + width, 0),
                    (_, 1) => push::<1>(number, *is_signed, bytes),
                    (_, 2) => push::<2>(number, *is_signed, bytes),
                    (_, 4) => push::<4>(number, *is_signed, bytes),
                    (_, 8) => push::<8>(number, *is_signed, bytes),
                    _ => push::<16>(number, *is_signed, bytes),
                }
                Some(rest)
            }
            (Values::Bytes(_, values) | Values::Other(_, values), true) => values.take(rest),
            (Values::Bytes(_, values), false) => values.end().then_some(rest),
            (Values::Other(..), false) => None,
        }
    }

    /// The column.
    pub(super) fn finish(self) -> Result<ArrayRef> {
        let mut nulls = self.nulls;
        let (data_type, len, buffers) = match self.values {
            Values::Number {
                width,
                data_type,
                bytes,
                ..
            } => {
                let len = bytes.len() / width;
                (data_type, len, vec![Buffer::from_vec(bytes)])
            }
            Values::Bytes(data_type, values) => {
                let len = values.ends.len() - 1;
                let ends = Buffer::from_vec(values.ends);
                (data_type, len, vec![ends, Buffer::from_vec(values.bytes)])
            }
            Values::Other(converter, values) => {
                let parser = converter.parser();
                let rows = values.values().map(|v| parser.parse(v));
                let mut columns = converter.convert_rows(rows)?;
                return Ok(columns.remove(0));
            }
        };
        let data = ArrayData::builder(data_type.clone())
            .len(len)
            .buffers(buffers)
            .nulls(nulls.finish())
            .align_buffers(true);
        Ok(make_array(data.build()?))
    }
}

#[inline]
fn push<const N: usize>(number: &[u8], is_signed: bool, bytes: &mut Vec<u8>) {
    if let Some(number) = number.first_chunk::<N>() {
        bytes.extend_from_slice(&natural(*number, is_signed));
    }
}
