//! Where a database is and who asks.

use std::fmt;
use std::str::FromStr;

use headwater_log::Error;

use super::session::Session;
use crate::capture::Place;
use crate::url::{Parts, misunderstood};

/// A database, and the user that connects to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address of the host.
    pub host: String,
    /// The port, usually 5432.
    pub port: u16,
    /// The user.
    pub user: String,
    /// Its password; empty: none.
    pub password: String,
    /// The database.
    pub database: String,
}

impl Address {
    /// A place in the server's log that everything that is committed now lies before, and that will be reached.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn log_end(&self) -> Result<Place, Error> {
        let mut session = Session::connect(self)?;
        let end = session.value("SELECT pg_logical_emit_message(true, 'headwater', '')")?;
        end.unwrap_or_default().parse().map(Place::PostgreSql)
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
        write!(
            f,
            "postgres://{}@{}:{}/{}",
            self.user, self.host, self.port, self.database
        )
    }
}

/// Reads `postgres://user:password@host:port/database`.
impl FromStr for Address {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let parts = Parts::of(url, &["postgres", "postgresql"], 5432);
        let parts = parts.filter(|parts| !parts.database.is_empty());
        let parts =
            parts.ok_or_else(|| misunderstood("postgres://user:password@host:5432/database"))?;
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
        let address: Address = "postgres://me:s%40e@db.example:6543/shop".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://me@db.example:6543/shop");
        assert_eq!(address.password, "s@e");
        let address: Address = "postgresql://me@[::1]/shop".parse().unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 5432));
        for wrong in [
            "postgres://me:secret@/x",
            "me:secret@db/x",
            "postgres://me:secret@db",
            "postgres://a:%x@b/c",
        ] {
            let error = wrong.parse::<Address>().unwrap_err();
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
