//! [`Vault`]: seals and opens what is personal.

use std::sync::Arc;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;

use super::keys::{Key, Keys, random};
use super::scan::{self, Marked};
use crate::error::{Error, ErrorKind, Result};

const ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
const SHAPE: &str = "personal field of another shape";

/// Seals what is personal before it is stored and opens it when it is read. Cheap to clone.
///
/// Sealed is the value's JSON by AES-256-GCM with the subject's key; the subject is authenticated with it, so that what is
/// sealed for one cannot be shown as another's.
#[derive(Debug, Clone)]
pub struct Vault {
    keys: Arc<dyn Keys>,
}

impl Vault {
    /// With the keys that are there.
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self { keys }
    }

    /// The JSON with what is personal sealed.
    ///
    /// # Errors
    /// `Unavailable` if a key cannot be made, `Invalid` if a mark has another shape.
    pub fn seal(&self, json: &Bytes) -> Result<Bytes> {
        let sealed = scan::replace(json, |marked| match marked {
            Ok(marked) => self.seal_one(&marked),
            Err(error) => Err(Error::invalid(SHAPE).with_source(error)),
        })?;
        Ok(sealed.map_or_else(|| json.clone(), Bytes::from))
    }

    /// The JSON with what is sealed opened, as far as its subjects are not forgotten.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` if what is sealed was damaged.
    pub fn open(&self, json: &Bytes) -> Result<Bytes> {
        let opened = scan::replace(json, |marked| match marked {
            Ok(marked) => self.open_one(&marked),
            Err(error) => Err(Error::new(ErrorKind::Corrupt, SHAPE).with_source(error)),
        })?;
        Ok(opened.map_or_else(|| json.clone(), Bytes::from))
    }

    /// Destroys the key of a subject: nothing that was sealed for it can be read any more, wherever it is. Gives whether there
    /// was one. What is sealed for it afterwards gets a new key.
    ///
    /// # Errors
    /// `Unavailable`; the key may still be there then.
    pub fn forget(&self, subject: &str) -> Result<bool> {
        self.keys.forget(subject)
    }

    fn seal_one(&self, marked: &Marked<'_>) -> Result<Vec<u8>> {
        let Some(value) = marked.value else {
            return Ok(redacted(&marked.subject, marked.sealed.as_deref()));
        };
        let key = self.keys.get_or_make(&marked.subject)?;
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let payload = Payload {
            msg: value.get().as_bytes(),
            aad: marked.subject.as_bytes(),
        };
        let text = cipher(&key)?
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::new(ErrorKind::Bug, "personal field cannot be sealed"))?;
        let sealed = [&key.id.to_le_bytes()[..], &nonce, &text].concat();
        let sealed = STANDARD_NO_PAD.encode(sealed);
        Ok(redacted(&marked.subject, Some(&sealed)))
    }

    fn open_one(&self, marked: &Marked<'_>) -> Result<Vec<u8>> {
        let Some(sealed) = &marked.sealed else {
            return Ok(match marked.value {
                Some(value) => open(&marked.subject, value.get()),
                None => redacted(&marked.subject, None),
            });
        };
        let damaged = || {
            let message = format!("personal field of subject {:?} is damaged", marked.subject);
            Error::new(ErrorKind::Corrupt, message)
        };
        let bytes = STANDARD_NO_PAD
            .decode(sealed.as_bytes())
            .map_err(|_| damaged())?;
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>().ok_or_else(damaged)?;
        let (nonce, text) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(damaged)?;
        let key = self.keys.get(&marked.subject)?;
        let Some(key) = key.filter(|key| key.id == u64::from_le_bytes(*id)) else {
            return Ok(redacted(&marked.subject, None));
        };
        let payload = Payload {
            msg: text,
            aad: marked.subject.as_bytes(),
        };
        let value = cipher(&key)?
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| damaged())?;
        let value = String::from_utf8(value).map_err(|_| damaged())?;
        Ok(open(&marked.subject, &value))
    }
}

fn cipher(key: &Key) -> Result<Aes256Gcm> {
    Aes256Gcm::new_from_slice(&key.bytes)
        .map_err(|_| Error::new(ErrorKind::Bug, "key of another length"))
}

/// What is in a mark that can be read.
fn open(subject: &str, value: &str) -> Vec<u8> {
    format!(r#"{{"subject":{},"value":{value}}}"#, quoted(subject)).into_bytes()
}

/// What is in a mark that cannot.
fn redacted(subject: &str, sealed: Option<&str>) -> Vec<u8> {
    let subject = quoted(subject);
    match sealed {
        Some(sealed) => format!(r#"{{"subject":{subject},"sealed":"{sealed}"}}"#),
        None => format!(r#"{{"subject":{subject}}}"#),
    }
    .into_bytes()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
