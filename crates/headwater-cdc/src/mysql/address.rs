//! Where a server is and who asks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use headwater_log::{Error, ErrorKind, Result};

use super::position::Position;
use super::session::Session;
use super::tls::{Tls, TlsMode};
use crate::capture::Place;
use crate::silence::{self, SILENCE};
use crate::url::{Parts, decoded, misunderstood};

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
    /// How the connection is encrypted.
    pub tls: Tls,
    /// How long the server may say nothing when it is its turn, before the connection counts as dead; [`SILENCE`] is usual.
    pub silence: Duration,
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

/// Reads `mysql://user:password@host:port/database` or the same with `mariadb`; the database may be left out. After a question mark
/// `ssl-mode=verify-identity`, `ssl-ca=FILE` and `silence=SECONDS` may follow.
impl FromStr for Address {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let (url, settings) = url.split_once('?').unwrap_or((url, ""));
        let parts = Parts::of(url, &["mysql", "mariadb"], 3306);
        let parts =
            parts.ok_or_else(|| misunderstood("mysql://user:password@host:3306/database"))?;
        let (tls, silence) = read(settings)?;
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

/// What the end of an address says.
fn read(settings: &str) -> Result<(Tls, Duration)> {
    let (mut mode, mut ca) = (TlsMode::Disabled, None);
    let mut silence = SILENCE;
    for setting in settings.split('&').filter(|s| !s.is_empty()) {
        match setting.split_once('=') {
            Some(("ssl-mode", text)) => mode = text.parse()?,
            Some(("ssl-ca", path)) => ca = Some(decoded(path).unwrap_or_default().into()),
            Some(("silence", seconds)) => {
                silence = silence::parse(seconds).ok_or_else(|| {
                    let text = format!("'{seconds}' is no time in seconds, of at least one");
                    Error::new(ErrorKind::Invalid, text)
                })?;
            }
            _ => {
                let name = setting.split('=').next().unwrap_or_default();
                let text = format!("the address of the database has a setting '{name}'");
                return Err(Error::new(ErrorKind::Invalid, text)
                    .with_hint("there are ssl-mode, ssl-ca and silence"));
            }
        }
    }
    Ok((Tls::new(mode, ca)?, silence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_how_a_connection_is_encrypted() {
        let tls = |settings: &str| {
            let address = format!("mysql://me@db/shop{settings}").parse::<Address>();
            address.map(|address| address.tls)
        };
        assert_eq!(tls("").unwrap(), Tls::default());
        assert_eq!(tls("?ssl-mode=required").unwrap().mode, TlsMode::Required);
        let want = Tls {
            mode: TlsMode::VerifyCa,
            ca: Some("/etc/a b.pem".into()),
        };
        assert_eq!(
            tls("?ssl-ca=/etc/a%20b.pem&ssl-mode=verify-ca").unwrap(),
            want
        );
        for (wrong, named) in [
            ("?ssl-mode=yes", "yes"),
            ("?sslmode=required", "sslmode"),
            ("?silence=never", "never"),
            ("?ssl-ca=a.pem", "ssl-ca"),
        ] {
            let error = tls(wrong).unwrap_err();
            assert!(error.message().contains(named), "{error}");
        }
    }

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
