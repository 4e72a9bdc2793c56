//! How a session begins: who one is, proven by a password or by SCRAM.

use bytes::BytesMut;
use headwater_log::{Error, ErrorKind, Result};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;

use super::address::Address;
use super::failure::{malformed, unreachable};
use super::session::Session;

impl Session {
    /// Sends who we are and answers what the server asks, until it is ready.
    pub(super) fn begin(&mut self, address: &Address, parameters: &[(&str, &str)]) -> Result<()> {
        let mut message = BytesMut::new();
        let own = [
            ("user", address.user.as_str()),
            ("database", &address.database),
        ];
        let all = own.iter().chain(parameters).copied();
        frontend::startup_message(all, &mut message).map_err(|e| unreachable("startup", e))?;
        self.send(&message)?;
        let mut scram = None;
        loop {
            let frame = self.expect()?;
            match frame.tag {
                b'R' => self.authenticate(address, &frame.body, &mut scram)?,
                b'Z' => return Ok(()),
                // Parameters and the key for cancelling, which nobody asks for.
                b'S' | b'K' | b'N' => {}
                _ => return Err(malformed("answer to the startup")),
            }
        }
    }

    fn authenticate(
        &mut self,
        address: &Address,
        body: &[u8],
        scram: &mut Option<ScramSha256>,
    ) -> Result<()> {
        let Some((kind, data)) = body.split_first_chunk::<4>() else {
            return Err(malformed("request for authentication"));
        };
        let password = address.password.as_bytes();
        let mut answer = BytesMut::new();
        let said = |e| unreachable("authentication", e);
        match (i32::from_be_bytes(*kind), scram.as_mut()) {
            (0, _) => return Ok(()),
            (3, _) => frontend::password_message(password, &mut answer).map_err(said)?,
            (5, _) => {
                let salt = data.try_into();
                let salt = salt.map_err(|_| malformed("salt"))?;
                let hash = md5_hash(address.user.as_bytes(), password, salt);
                frontend::password_message(hash.as_bytes(), &mut answer).map_err(said)?;
            }
            (10, _) => {
                if !data
                    .split(|b| *b == 0)
                    .any(|m| m == SCRAM_SHA_256.as_bytes())
                {
                    return Err(unknown_method());
                }
                let first = ScramSha256::new(password, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, first.message(), &mut answer)
                    .map_err(said)?;
                *scram = Some(first);
            }
            (11, Some(scram)) => {
                scram.update(data).map_err(said)?;
                frontend::sasl_response(scram.message(), &mut answer).map_err(said)?;
            }
            (12, Some(scram)) => return scram.finish(data).map_err(said),
            _ => return Err(unknown_method()),
        }
        self.send(&answer)
    }
}

fn unknown_method() -> Error {
    let text = "the server asks for a way of authentication that is not known";
    Error::new(ErrorKind::Unsupported, text).with_hint("scram-sha-256, md5 and password are")
}
