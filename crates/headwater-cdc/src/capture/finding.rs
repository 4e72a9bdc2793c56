//! What a server lacks.

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// The statement or setting that mends it.
    pub mend: String,
    /// Whether nothing can be followed before that; else some tables, or some day, will make trouble.
    pub is_fatal: bool,
}

impl Finding {
    /// Something without which nothing can be followed.
    pub(crate) fn fatal(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: mend.into(),
            is_fatal: true,
        }
    }

    /// Something that will make trouble with some tables, or some day.
    pub(crate) fn warning(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            is_fatal: false,
            ..Self::fatal(what, mend)
        }
    }
}
