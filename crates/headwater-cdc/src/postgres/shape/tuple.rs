//! Rows as `COPY` sends them in binary become records.

use std::ops::Range;

use headwater_log::Result;

use super::{Column, Shape};
use crate::capture::Rows;
use crate::postgres::failure::malformed;

impl Column {
    /// Writes a value that was sent as [`select_list`](Shape::select_list) asks for it.
    fn write_sent(
        &self,
        value: Option<&[u8]>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let start = out.len();
        match (value, &self.binary) {
            (None, _) => out.extend_from_slice(&self.null),
            (Some(value), Some(binary)) => binary.write(&self.kind, value, scratch, out)?,
            (Some(text), None) => self.kind.write(text, out)?,
        }
        self.rule.apply(&self.name, start, out)
    }
}

/// Reads rows of a shape; one after the other in the same memory.
#[derive(Debug)]
pub(crate) struct Tuples<'a> {
    shape: &'a Shape,
    /// Where the values of a row lie in its tuple.
    values: Vec<Option<Range<usize>>>,
    scratch: Vec<u8>,
}

impl<'a> Tuples<'a> {
    pub(crate) fn new(shape: &'a Shape) -> Self {
        Self {
            shape,
            values: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Adds the row of a tuple.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn read(&mut self, tuple: &[u8], into: &mut Rows) -> Result<()> {
        self.find(tuple)?;
        let shape = self.shape;
        self.object(tuple, shape.key.iter().copied(), into.out())?;
        into.end_key();
        self.object(tuple, 0..shape.columns.len(), into.out())?;
        into.end_row();
        Ok(())
    }

    /// Finds the values: their number, then the length of each (-1: null) before it.
    fn find(&mut self, tuple: &[u8]) -> Result<()> {
        let short = || malformed("row");
        let (count, mut rest) = tuple.split_first_chunk::<2>().ok_or_else(short)?;
        if usize::from(u16::from_be_bytes(*count)) != self.shape.columns.len() {
            return Err(malformed("row: it has another number of columns"));
        }
        self.values.clear();
        for _ in 0..self.shape.columns.len() {
            let (length, after) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            rest = after;
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            let start = tuple.len() - rest.len();
            self.values.push(length.map(|length| start..start + length));
            rest = rest.get(length.unwrap_or(0)..).ok_or_else(short)?;
        }
        match rest.is_empty() {
            true => Ok(()),
            false => Err(short()),
        }
    }

    fn object(
        &mut self,
        tuple: &[u8],
        places: impl Iterator<Item = usize>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        out.push(b'{');
        let mut is_first = true;
        for place in places {
            let column = &self.shape.columns[place];
            if !column.is_kept() {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            out.extend_from_slice(&column.label);
            let value = self.values[place].clone().map(|at| &tuple[at]);
            column.write_sent(value, &mut self.scratch, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}
