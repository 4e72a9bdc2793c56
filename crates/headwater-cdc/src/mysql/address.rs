//! Where a server is and who asks.

use std::fmt;
use std::str::FromStr;

use headwater_log::{Error, Result};

use super::position::Position;
use super::session::Session;
use crate::capture::Place;
use crate::url::{Parts, misunderstood};

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

/// Reads `mysql://user:password@host:port/database` or the same with `mariadb`; the database may be left out.
impl FromStr for Address {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let parts = Parts::of(url, &["mysql", "mariadb"], 3306);
        let parts =
            parts.ok_or_else(|| misunderstood("mysql://user:password@host:3306/database"))?;
        Ok(Self {
            host: parts.host,
            port: parts.port,
            user: parts.user,
            password: parts.password,
            database: parts.database,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls() {
        let address: Address = "mysql://me:s%40e@db.example/shop".parse().unwrap();
        assert_eq!(address.to_string(), "mysql://me@db.example:3306/shop");
        assert_eq!(address.password, "s@e");
        for url in ["mariadb://me@[::1]:3307", "mariadb://me@[::1]:3307/"] {
            let address: Address = url.parse().unwrap();
            assert_eq!((address.host.as_str(), address.port), ("::1", 3307));
            assert_eq!(address.database, "");
        }
        for wrong in [
            "postgres://me:secret@db/x",
            "mysql://me:secret@/x",
            "me:secret@db/x",
        ] {
            let error = wrong.parse::<Address>().unwrap_err();
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
