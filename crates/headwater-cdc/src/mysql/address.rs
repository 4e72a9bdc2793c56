//! Where a server is and who asks.

use std::fmt;

use headwater_log::Result;

use super::position::Position;
use super::session::Session;
use crate::capture::Place;

/// A server, and the user that connects to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address of the host.
    pub host: String,
    /// The port, usually 3306.
    pub port: u16,
    /// The user.
    pub user: String,
    /// Its password; empty: none.
    pub password: String,
    /// The database that names without one mean; empty: none.
    pub database: String,
}

impl Address {
    /// A place in the server's log that everything that is committed now lies before, and that will be reached.
    ///
    /// # Errors
    /// `Unavailable`, and what the server says.
    pub fn log_end(&self) -> Result<Place> {
        Position::current(&mut Session::connect(self)?).map(Place::MySql)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            user,
            database,
            ..
        } = self;
        write!(f, "mysql://{user}@{host}:{port}/{database}")
    }
}
