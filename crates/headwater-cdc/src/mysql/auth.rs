//! How a session begins: the server's greeting, who one is, and a password proven without sending it.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::address::Address;
use super::failure::{from_server, malformed};
use super::packets::Packets;
use super::reader::Reader;

/// What both sides can do, by bits.
const LONG_PASSWORD: u32 = 1;
const LONG_FLAG: u32 = 1 << 2;
const CONNECT_WITH_DB: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const SSL: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const MULTI_RESULTS: u32 = 1 << 17;
const PLUGIN_AUTH: u32 = 1 << 19;
const NEEDED: u32 = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;
const WANTED: u32 = NEEDED | LONG_PASSWORD | LONG_FLAG | TRANSACTIONS | MULTI_RESULTS;
/// `utf8mb4_general_ci`, which MariaDB and MySQL both have.
const COLLATION: u8 = 45;
const PACKET_BYTES: u32 = 1 << 30;
const NATIVE: &str = "mysql_native_password";
const CACHING: &str = "caching_sha2_password";
/// What the server answers to [`CACHING`]: it knows the password; it needs to see it.
const KNOWN: u8 = 3;
const UNKNOWN: u8 = 4;

/// What the server says first.
#[derive(Debug)]
struct Greeting {
    version: String,
    capabilities: u32,
    method: Method,
}

/// A way of proving a password, and what the server throws in.
#[derive(Debug)]
struct Method {
    name: String,
    salt: Bytes,
}

/// Says who we are and proves it; the version of the server.
pub(super) fn begin(mut packets: Packets, address: &Address) -> Result<(Packets, String)> {
    let greeting = greeting(packets.expect()?)?;
    let Greeting {
        version,
        capabilities,
        mut method,
    } = greeting;
    if capabilities & NEEDED != NEEDED {
        let text = format!("the server is too old: {version}");
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    // What an unknown method wants comes to light when the server asks for it by name.
    if !matches!(method.name.as_str(), NATIVE | CACHING) {
        method.name = NATIVE.to_owned();
    }
    if address.tls.is_wanted() {
        if capabilities & SSL == 0 {
            return Err(unencrypted());
        }
        packets.send(&head(address))?;
        packets = packets.encrypt(&address.tls, &address.host)?;
    }
    packets.send(&response(address, &method)?)?;
    loop {
        let mut reader = Reader::new(packets.expect()?, "answer to the login");
        match reader.u8()? {
            // MariaDB says an old version first, for the sake of old replicas.
            0 => {
                let version = version.trim_start_matches("5.5.5-").to_owned();
                return Ok((packets, version));
            }
            0xff => return Err(from_server(reader.rest())),
            0xfe if reader.is_empty() => return Err(unknown("of long ago")),
            0xfe => {
                method = Method {
                    name: reader.text_to_zero()?,
                    salt: salt(reader.rest()),
                };
                packets.send(&proof(&method, &address.password)?)?;
            }
            1 if method.name == CACHING => match reader.u8()? {
                KNOWN => {}
                UNKNOWN if packets.is_encrypted() => {
                    let mut password = Vec::new();
                    zero_ended(&mut password, &address.password)?;
                    packets.send(&password)?;
                }
                _ => return Err(unseen()),
            },
            _ => return Err(malformed("answer to the login")),
        }
    }
}

fn greeting(packet: Bytes) -> Result<Greeting> {
    let mut reader = Reader::new(packet, "greeting");
    match reader.u8()? {
        10 => {}
        0xff => return Err(from_server(reader.rest())),
        _ => return Err(malformed("greeting")),
    }
    let version = reader.text_to_zero()?;
    reader.u32()?;
    let mut all = reader.take(8)?.to_vec();
    reader.u8()?;
    let low = reader.u16()?;
    reader.take(3)?;
    let high = reader.u16()?;
    let length = usize::from(reader.u8()?);
    reader.take(10)?;
    let second = length.saturating_sub(8).max(13).min(reader.len());
    all.extend_from_slice(&reader.take(second)?);
    Ok(Greeting {
        version,
        capabilities: u32::from(high) << 16 | u32::from(low),
        method: Method {
            name: reader.text_to_zero()?,
            salt: salt(all.into()),
        },
    })
}

/// What is thrown in ends with a zero byte that is not part of it.
fn salt(mut bytes: Bytes) -> Bytes {
    if bytes.last() == Some(&0) {
        bytes.truncate(bytes.len() - 1);
    }
    bytes
}

/// What both the wish for encryption and the answer to the greeting begin with.
fn head(address: &Address) -> Vec<u8> {
    let mut capabilities = WANTED;
    if !address.database.is_empty() {
        capabilities |= CONNECT_WITH_DB;
    }
    if address.tls.is_wanted() {
        capabilities |= SSL;
    }
    let mut out = Vec::new();
    out.extend_from_slice(&capabilities.to_le_bytes());
    out.extend_from_slice(&PACKET_BYTES.to_le_bytes());
    out.push(COLLATION);
    out.extend_from_slice(&[0; 23]);
    out
}

fn response(address: &Address, method: &Method) -> Result<Vec<u8>> {
    let mut out = head(address);
    zero_ended(&mut out, &address.user)?;
    let proof = proof(method, &address.password)?;
    out.push(proof.len() as u8);
    out.extend_from_slice(&proof);
    if !address.database.is_empty() {
        zero_ended(&mut out, &address.database)?;
    }
    zero_ended(&mut out, &method.name)?;
    Ok(out)
}

fn zero_ended(out: &mut Vec<u8>, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::new(
            ErrorKind::Invalid,
            "a name or a password with a zero byte",
        ));
    }
    out.extend_from_slice(text.as_bytes());
    out.push(0);
    Ok(())
}

/// What shows that one has the password.
fn proof(method: &Method, password: &str) -> Result<Vec<u8>> {
    let password = password.as_bytes();
    match method.name.as_str() {
        NATIVE | CACHING if password.is_empty() => Ok(Vec::new()),
        NATIVE => {
            let once = Sha1::digest(password);
            let salted = Sha1::new()
                .chain_update(&method.salt)
                .chain_update(Sha1::digest(once))
                .finalize();
            Ok(xor(&once, &salted))
        }
        CACHING => {
            let once = Sha256::digest(password);
            let salted = Sha256::new()
                .chain_update(Sha256::digest(once))
                .chain_update(&method.salt)
                .finalize();
            Ok(xor(&once, &salted))
        }
        other => Err(unknown(other)),
    }
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(l, r)| l ^ r).collect()
}

fn unknown(name: &str) -> Error {
    let text = format!("the server asks for a way of authentication that is not known: '{name}'");
    Error::new(ErrorKind::Unsupported, text).with_hint(format!(
        "make a user that is identified by {NATIVE} or {CACHING}"
    ))
}

fn unencrypted() -> Error {
    let text = "the server does not encrypt connections";
    Error::new(ErrorKind::Invalid, text)
        .with_hint("give it a certificate (ssl_cert, ssl_key), or connect with ssl-mode = disabled")
}

/// The server has only the hash of a hash in its cache, and wants the password itself.
fn unseen() -> Error {
    let text = "the server wants to see the password, which is not sent without encryption";
    Error::new(ErrorKind::Unsupported, text).with_hint(format!(
        "connect with ssl-mode = verify-identity, or make a user that is identified by {NATIVE}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof_of(name: &str, password: &str) -> Vec<u8> {
        let method = Method {
            name: name.to_owned(),
            salt: Bytes::from_static(b"01234567890123456789"),
        };
        proof(&method, password).unwrap()
    }

    /// What the server does: from the proof and what it has stored it gets back the hash of the password.
    #[test]
    fn the_server_can_check_a_proof_with_the_hash_of_the_hash() {
        let salt = b"01234567890123456789";
        let stored = Sha1::digest(Sha1::digest(b"secret"));
        let salted = Sha1::new()
            .chain_update(salt)
            .chain_update(stored)
            .finalize();
        let once = xor(&proof_of(NATIVE, "secret"), &salted);
        assert_eq!(Sha1::digest(once), stored);

        let stored = Sha256::digest(Sha256::digest(b"secret"));
        let salted = Sha256::new()
            .chain_update(stored)
            .chain_update(salt)
            .finalize();
        let once = xor(&proof_of(CACHING, "secret"), &salted);
        assert_eq!(Sha256::digest(once), stored);
    }

    #[test]
    fn no_password_is_proven_by_nothing_and_never_sent_in_clear() {
        assert!(proof_of(NATIVE, "").is_empty());
        let method = Method {
            name: "mysql_clear_password".to_owned(),
            salt: Bytes::new(),
        };
        let error = proof(&method, "secret").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!error.to_string().contains("secret"));
    }
}
