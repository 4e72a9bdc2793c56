//! Ctrl-C and SIGTERM: the first asks whatever runs to come to its end, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::{Failure, Outcome};

static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// What a shell reports for a program that Ctrl-C ended.
const CODE: i32 = 130;

/// Listens from now on.
pub(crate) fn listen() -> Outcome {
    ctrlc::set_handler(|| {
        if IS_ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(CODE);
        }
    })
    .map_err(|e| Failure::failed(format!("cannot listen for Ctrl-C: {e}")))
}

/// Whether whatever runs was asked to come to its end.
pub(crate) fn is_asked() -> bool {
    IS_ASKED.load(Ordering::SeqCst)
}

/// Forgets that it was asked: a shell goes on.
pub(crate) fn forget() {
    IS_ASKED.store(false, Ordering::SeqCst);
}
