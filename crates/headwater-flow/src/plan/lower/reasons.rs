//! What can be said of why a row cannot be computed, beyond what its values tell.

use std::fmt;
use std::sync::Arc;

use super::spec::Lowered;

type More = dyn Fn(&str) -> String + Send + Sync;

/// Says more of why a row cannot be computed: where the expression stands that failed.
#[derive(Clone, Default)]
pub struct Reasons(Option<Arc<More>>);

impl Reasons {
    /// `more` is given the reason, and gives it back with what it knows.
    pub fn new(more: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(more)))
    }

    /// The whole of a reason.
    pub(crate) fn of(&self, reason: String) -> String {
        match &self.0 {
            Some(more) => more(&reason),
            None => reason,
        }
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reasons")
    }
}

impl Lowered {
    /// Has the outputs say more of why their rows cannot be computed, and their inputs what the first of them says.
    pub fn explain_failures(&mut self, reasons: impl IntoIterator<Item = Reasons>) {
        let reasons: Vec<Reasons> = reasons.into_iter().collect();
        for (output, reasons) in self.outputs.iter_mut().zip(&reasons) {
            output.reasons = reasons.clone();
        }
        if let [only] = &reasons[..] {
            for input in &mut self.inputs {
                input.reasons = only.clone();
            }
        }
    }
}
