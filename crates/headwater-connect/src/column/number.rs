//! Values that are numbers already, from generators.

use super::{Column, Refusal, Scalar, ShapeKind, Values};

impl Column {
    /// Appends a whole number if this is an integer column that it fits into; says whether it did.
    #[inline]
    pub(crate) fn push_whole(&mut self, value: i64) -> bool {
        let ShapeKind::Scalar(scalar) = &self.shape.kind else {
            return false;
        };
        let is_taken = match (scalar, &mut self.values) {
            (Scalar::I64, Values::I64(v)) => {
                v.push(value);
                true
            }
            (Scalar::I32, Values::I32(v)) => append(v, value),
            (Scalar::I16, Values::I16(v)) => append(v, value),
            (Scalar::I8, Values::I8(v)) => append(v, value),
            _ => false,
        };
        if is_taken {
            self.pushed();
        }
        is_taken
    }

    /// Appends a whole number: to integers, and to dates, times and timestamps in their own unit.
    ///
    /// # Errors
    /// If the column has another type or is too narrow.
    pub(crate) fn push_i64(&mut self, value: i64) -> Result<(), Refusal> {
        const NARROW: Refusal = Refusal("number out of range");
        match &mut self.values {
            Values::I8(v) => v.push(i8::try_from(value).map_err(|_| NARROW)?),
            Values::I16(v) => v.push(i16::try_from(value).map_err(|_| NARROW)?),
            Values::I32(v) => v.push(i32::try_from(value).map_err(|_| NARROW)?),
            Values::I64(v) => v.push(value),
            Values::I128(v) => v.push(value.into()),
            _ => return Err(Refusal("unexpected number")),
        }
        self.pushed();
        Ok(())
    }

    /// Appends a float.
    ///
    /// # Errors
    /// If the column has another type.
    pub(crate) fn push_f64(&mut self, value: f64) -> Result<(), Refusal> {
        match &mut self.values {
            Values::F32(v) => v.push(value as f32),
            Values::F64(v) => v.push(value),
            _ => return Err(Refusal("unexpected number")),
        }
        self.pushed();
        Ok(())
    }

    /// Appends the unscaled value of a decimal.
    ///
    /// # Errors
    /// If the column has another type.
    pub(crate) fn push_i128(&mut self, value: i128) -> Result<(), Refusal> {
        let Values::I128(v) = &mut self.values else {
            return Err(Refusal("unexpected number"));
        };
        v.push(value);
        self.pushed();
        Ok(())
    }

    /// Appends bytes as they are.
    ///
    /// # Errors
    /// If the column has another type than BYTES, or than STRING for bytes that are UTF-8.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if let ShapeKind::Scalar(Scalar::Binary) = self.shape.kind
            && let Values::Bytes(v) = &mut self.values
        {
            v.data.extend_from_slice(bytes);
            v.end()?;
            self.pushed();
            return Ok(());
        }
        self.push_text(bytes)
    }
}

fn append<T: TryFrom<i64>>(values: &mut Vec<T>, value: i64) -> bool {
    T::try_from(value).map(|value| values.push(value)).is_ok()
}
