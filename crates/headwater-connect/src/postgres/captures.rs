//! The captures that run: jobs over the same table share one, and it ends with the last of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use headwater_cdc::Capture;
use headwater_cdc::postgres::Settings;
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::Log;

/// Captures by the names of their slots.
#[derive(Debug, Default)]
pub(super) struct Captures(Mutex<HashMap<String, (Weak<Capture>, Settings)>>);

impl Captures {
    /// The capture with these settings, started if it does not run.
    ///
    /// # Errors
    /// `Conflict` if the slot is used for another table; those of [`Capture::start`].
    pub(super) fn get(&self, log: &Log, settings: Settings) -> Result<Arc<Capture>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((capture, known)) = running.get(&settings.slot)
            && let Some(capture) = capture.upgrade()
        {
            if *known == settings {
                return Ok(capture);
            }
            let text = format!(
                "slot '{}' is used for another table, or with other options",
                settings.slot
            );
            return Err(Error::new(ErrorKind::Conflict, text)
                .with_hint("give each table a 'slot.name' of its own"));
        }
        let slot = settings.slot.clone();
        let capture = Arc::new(Capture::start(log, settings.clone())?);
        running.insert(slot, (Arc::downgrade(&capture), settings));
        Ok(capture)
    }
}
