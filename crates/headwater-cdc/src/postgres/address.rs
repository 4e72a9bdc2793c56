//! Where a database is and who asks.

use std::fmt;
use std::str::FromStr;

use headwater_log::{Error, ErrorKind};

use super::session::Session;
use crate::capture::Place;

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
        let parse = || {
            let rest = url.strip_prefix("postgres://");
            let rest = rest.or_else(|| url.strip_prefix("postgresql://"))?;
            let (place, database) = rest.split_once('/')?;
            let (user, place) = place.rsplit_once('@')?;
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            let (host, port) = match place.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
                _ => (place, 5432),
            };
            let is_plain = !user.is_empty() && !host.is_empty() && !database.contains(['?', '/']);
            (is_plain && !database.is_empty()).then_some(())?;
            Some(Self {
                host: host.trim_matches(['[', ']']).to_owned(),
                port,
                user: decoded(user)?,
                password: decoded(password)?,
                database: decoded(database)?,
            })
        };
        // The address may hold a password: it is not shown.
        parse().ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                "the address of the database is not understood",
            )
            .with_hint("write postgres://user:password@host:5432/database, with %40 for an @ in it")
        })
    }
}

/// Without the escapes of URLs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
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
