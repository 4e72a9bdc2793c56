//! Where a database is and who asks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use headwater_log::Error;

use super::session::Session;
use super::tls::{Tls, TlsMode};
use crate::capture::Place;
use crate::silence::{self, SILENCE};
use crate::url::{Parts, decoded, misunderstood};

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
    /// Whether sessions are encrypted.
    pub tls: Tls,
    /// How long the server may say nothing when it is its turn, before the connection counts as dead; [`SILENCE`] is usual.
    pub silence: Duration,
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

/// Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE&silence=SECONDS`.
impl FromStr for Address {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let form =
            "postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=FILE";
        let (place, parameters) = match url.rsplit_once('?') {
            Some((place, parameters)) if !parameters.contains('@') => (place, parameters),
            // It stands in a password.
            _ => (url, ""),
        };
        let parts = Parts::of(place, &["postgres", "postgresql"], 5432);
        let parts = parts.filter(|parts| !parts.database.is_empty());
        let parts = parts.ok_or_else(|| misunderstood(form))?;
        let (tls, silence) = read(parameters).ok_or_else(|| misunderstood(form))?;
        Ok(Self {
            host: parts.host,
            port: parts.port,
            user: parts.user,
            password: parts.password,
            database: parts.database,
            tls,
            silence,
        })
    }
}

/// What the parameters of a URL say; `None`: there is one that is not known.
fn read(parameters: &str) -> Option<(Tls, Duration)> {
    let (mut tls, mut silence) = (Tls::default(), SILENCE);
    for parameter in parameters.split('&').filter(|p| !p.is_empty()) {
        match parameter.split_once('=')? {
            ("sslmode", mode) => tls.mode = TlsMode::named(mode)?,
            ("sslrootcert", file) => tls.root_certificates = Some(decoded(file)?.into()),
            ("silence", seconds) => silence = silence::parse(seconds)?,
            _ => return None,
        }
    }
    Some((tls, silence))
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
        assert_eq!(address.tls, Tls::default());
        let address = "postgres://me@db/shop?sslmode=verify-full&sslrootcert=/a%20b.pem";
        let address: Address = address.parse().unwrap();
        assert_eq!(address.tls.mode, TlsMode::VerifyFull);
        assert_eq!(address.tls.root_certificates, Some("/a b.pem".into()));
        assert_eq!(address.silence, SILENCE);
        let address: Address = "postgres://me@db/shop?silence=5".parse().unwrap();
        assert_eq!(address.silence, Duration::from_secs(5));
        let address: Address = "postgres://me:a?b@db/shop".parse().unwrap();
        assert_eq!(address.password, "a?b");
        for wrong in [
            "postgres://me:secret@db/x?sslmode=always",
            "postgres://me:secret@db/x?options=y",
            "postgres://me:secret@db/x?silence=0",
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
