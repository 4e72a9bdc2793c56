//! The captures that run: jobs over the same table share one, and it ends with the last of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use headwater_cdc::{Capture, Running, Settings, give_up};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::Log;

/// Captures by their names.
#[derive(Debug, Default)]
pub(super) struct Captures {
    known: Mutex<HashMap<String, (Weak<Capture>, Settings)>>,
    /// Where others find them.
    running: Running<Capture>,
}

impl Captures {
    /// They are found among these.
    pub(super) fn tell(&mut self, running: &Running<Capture>) {
        self.running = running.clone();
    }

    /// The capture with these settings, started if it does not run; `option` names captures.
    ///
    /// # Errors
    /// `Conflict` if the capture is of another table; those of [`Capture::start`].
    pub(super) fn get(&self, log: &Log, settings: Settings, option: &str) -> Result<Arc<Capture>> {
        let mut running = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = settings.name().to_owned();
        if let Some((capture, known)) = running.get(&name)
            && let Some(capture) = capture.upgrade()
        {
            if *known == settings {
                return Ok(capture);
            }
            let text = format!("capture '{name}' is of another table, or has other options");
            return Err(Error::new(ErrorKind::Conflict, text)
                .with_hint(format!("give each table a '{option}' of its own")));
        }
        let capture = Arc::new(Capture::start(log, settings.clone())?);
        self.running.add(&name, &capture);
        running.insert(name, (Arc::downgrade(&capture), settings));
        Ok(capture)
    }

    /// Has the server keep nothing for a capture any more.
    ///
    /// # Errors
    /// `Conflict` while it runs; those of [`give_up`].
    pub(super) fn give_up(&self, log: &Log, settings: &Settings) -> Result<()> {
        let running = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = settings.name();
        if running.get(name).is_some_and(|(c, _)| c.strong_count() > 0) {
            let text = format!("capture '{name}' is still being read");
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        Ok(give_up(log, settings)?)
    }
}
