//! Where the server is and how the session is encrypted, as a URL.

use std::fmt::Write;

use headwater_log::Result;

use super::said::{Said, invalid, unsupported};

/// A database of PostgreSQL.
///
/// # Errors
/// `Invalid` if something is missing, `Unsupported` for certificates of ours.
pub(super) fn postgres(said: &Said) -> Result<String> {
    let database = value(said, "database.dbname")?;
    let url = url(said, "postgres", "5432", database)?;
    let mut parameters = Vec::new();
    if let Some(mode) = said.get("database.sslmode") {
        parameters.push(("sslmode", mode.to_lowercase()));
    }
    if let Some(file) = said.get("database.sslrootcert") {
        parameters.push(("sslrootcert", escaped(file)));
    }
    Ok(with(url, &parameters))
}

/// A server of MariaDB or MySQL.
///
/// # Errors
/// `Invalid` if something is missing, `Unsupported` for a mode that there is not.
pub(super) fn mysql(said: &Said) -> Result<String> {
    const MODE: &str = "database.ssl.mode";
    let url = url(said, "mysql", "3306", "")?;
    let mode = match said.get(MODE) {
        None => return Ok(url),
        Some(mode) => mode.to_lowercase().replace('_', "-"),
    };
    match mode.as_str() {
        "disabled" | "required" | "verify-ca" | "verify-identity" => {
            Ok(with(url, &[("ssl-mode", mode)]))
        }
        _ => Err(unsupported(
            MODE,
            "disabled, required, verify_ca or verify_identity",
        )),
    }
}

fn with(mut url: String, parameters: &[(&str, String)]) -> String {
    for (at, (name, value)) in parameters.iter().enumerate() {
        let sign = if at == 0 { '?' } else { '&' };
        write!(url, "{sign}{name}={value}").expect("a string takes every text");
    }
    url
}

fn url(said: &Said, scheme: &str, port: &str, database: &str) -> Result<String> {
    let user = value(said, "database.user")?;
    let host = value(said, "database.hostname")?;
    let port = said.get("database.port").unwrap_or(port);
    let password = match said.get("database.password") {
        None | Some("") => String::new(),
        Some(_) => format!(":{}", escaped(value(said, "database.password")?)),
    };
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    let user = escaped(user);
    Ok(format!(
        "{scheme}://{user}{password}@{host}:{port}/{}",
        escaped(database)
    ))
}

/// What a key must say. Of the providers that Kafka Connect has for secrets there is that of the environment.
fn value<'a>(said: &'a Said, key: &str) -> Result<&'a str> {
    let value = said.need(key)?;
    match value.starts_with("${") && !value.starts_with("${env:") {
        true => Err(invalid(
            key,
            "of the providers of values there is ${env:NAME}, a variable of the environment",
        )),
        false => Ok(value),
    }
}

/// As it stands in a URL; variables are filled in when that was read.
fn escaped(text: &str) -> String {
    if text.starts_with("${env:") {
        return text.to_owned();
    }
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => write!(out, "%{byte:02X}").expect("a string takes every text"),
        }
    }
    out
}
