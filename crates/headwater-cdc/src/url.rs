//! Addresses as people write them: `scheme://user:password@host:port/database`.

use headwater_log::{Error, ErrorKind};

/// The parts of an address, without the escapes of URLs.
pub(crate) struct Parts {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    /// Empty if it is left out.
    pub(crate) database: String,
}

impl Parts {
    /// Of an address with one of these schemes; `None`: it is not understood.
    pub(crate) fn of(url: &str, schemes: &[&str], port: u16) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        schemes.contains(&scheme).then_some(())?;
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = place.rsplit_once('@')?;
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (place, port),
        };
        let is_plain = !user.is_empty() && !host.is_empty() && !database.contains(['?', '/']);
        is_plain.then_some(())?;
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            user: decoded(user)?,
            password: decoded(password)?,
            database: decoded(database)?,
        })
    }
}

/// What is said of an address that is not understood. It may hold a password: it is not shown.
pub(crate) fn misunderstood(form: &str) -> Error {
    let text = "the address of the database is not understood";
    Error::new(ErrorKind::Invalid, text).with_hint(format!("write {form}, with %40 for an @ in it"))
}

/// Without the escapes of URLs.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
