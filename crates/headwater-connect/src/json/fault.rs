//! Why a JSON record does not decode: a reason and the path of the field, never the record's values.

use crate::column::Refusal;

/// What is wrong and where.
#[derive(Debug)]
pub(super) struct Fault {
    reason: &'static str,
    /// The value is well-formed but not of the column's type.
    pub(super) is_conversion: bool,
    path: Vec<String>,
}

/// A position in the record, or why there is none.
pub(super) type Parsed<T = usize> = Result<T, Box<Fault>>;

impl Fault {
    /// Bytes that are not JSON.
    #[cold]
    pub(super) fn syntax(reason: &'static str) -> Box<Self> {
        Box::new(Self {
            reason,
            is_conversion: false,
            path: Vec::new(),
        })
    }

    /// JSON that does not fit the column.
    #[cold]
    pub(super) fn conversion(refusal: Refusal) -> Box<Self> {
        Box::new(Self {
            reason: refusal.0,
            is_conversion: true,
            path: Vec::new(),
        })
    }

    /// The same, inside the field `name`.
    #[cold]
    pub(super) fn within(mut self: Box<Self>, name: &str) -> Box<Self> {
        self.path.push(name.to_owned());
        self
    }

    /// The sentence for the reject.
    pub(super) fn sentence(&self) -> String {
        if self.path.is_empty() {
            return self.reason.to_owned();
        }
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        format!("field '{}': {}", path.join("."), self.reason)
    }
}
