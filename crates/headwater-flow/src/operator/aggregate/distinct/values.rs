//! The values of a DISTINCT argument as bytes, and back: the keys of its table are a slot and a value.

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;

use crate::error::Result;
use crate::operator::aggregate::rows::Rows;
use crate::state::{KeyCodec, Keys};

/// How values lie in keys.
pub(super) enum Codec {
    /// The bytes of one primitive column that is never null.
    Fixed { width: usize, data_type: DataType },
    /// The bytes of several columns, or of one without a width or with nulls.
    Keys(KeyCodec),
}

impl Codec {
    /// For arguments of these types, of which a single one is never null unless `sees_nulls`.
    pub(super) fn new(types: Vec<DataType>, sees_nulls: bool) -> Result<Self> {
        let width = match &types[..] {
            [one] if !sees_nulls => one.primitive_width(),
            _ => None,
        };
        Ok(match (width, types.first()) {
            (Some(width), Some(one)) => Self::Fixed {
                width,
                data_type: one.clone(),
            },
            _ => Self::Keys(KeyCodec::new(types)?),
        })
    }

    /// The bytes of a value, if all have as many.
    pub(super) fn width(&self) -> Option<usize> {
        match self {
            Self::Fixed { width, .. } => Some(*width),
            Self::Keys(codec) => codec.width(),
        }
    }

    /// The values of a batch.
    pub(super) fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<Values> {
        match self {
            Self::Fixed { width, .. } => {
                let data = columns[0].to_data();
                let bytes = data.buffers()[0].slice(data.offset() * width);
                Ok(Values::Fixed {
                    width: *width,
                    bytes,
                })
            }
            Self::Keys(codec) => Ok(Values::Keys(codec.encode(columns, rows)?)),
        }
    }

    /// The argument columns of `count` values.
    pub(super) fn decode<'a>(
        &self,
        count: usize,
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Fixed { data_type, .. } => {
                let bytes: Vec<u8> = values.flatten().copied().collect();
                let data = ArrayData::builder(data_type.clone())
                    .len(count)
                    .add_buffer(Buffer::from_vec(bytes))
                    .align_buffers(true)
                    .build()?;
                Ok(vec![make_array(data)])
            }
            Self::Keys(codec) => codec.decode(values),
        }
    }
}

/// The values of a batch as bytes.
pub(super) enum Values {
    Fixed { width: usize, bytes: Buffer },
    Keys(Keys),
}

impl Values {
    #[inline]
    fn append(&self, i: usize, out: &mut Vec<u8>) {
        match self {
            Self::Fixed { width: 8, bytes } => match bytes[i * 8..].first_chunk::<8>() {
                Some(value) => out.extend_from_slice(value),
                None => unreachable!("a value has its width"),
            },
            Self::Fixed { width, bytes } => {
                out.extend_from_slice(&bytes[i * width..(i + 1) * width]);
            }
            Self::Keys(keys) => out.extend_from_slice(keys.key(i)),
        }
    }
}

/// The keys of a batch's wanted rows.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
    pub(super) rows: Vec<u32>,
    pub(super) values: Vec<u32>,
}

impl Scratch {
    pub(super) fn collect(&mut self, rows: &Rows<'_>, wanted: &[u64], values: &Values) {
        self.bytes.clear();
        self.rows.clear();
        self.ends.clear();
        self.ends.push(0);
        for (i, (slot, wanted)) in rows.slots.iter().zip(wanted).enumerate() {
            if *wanted != 0 {
                self.bytes.extend_from_slice(&slot.to_le_bytes());
                values.append(i, &mut self.bytes);
                self.ends.push(self.bytes.len());
                self.rows.push(i as u32);
            }
        }
    }
}
