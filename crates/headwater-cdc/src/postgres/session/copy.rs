//! `COPY … TO STDOUT` in the binary format: rows are looked at where they were received.

use bytes::Buf;
use headwater_log::Result;

use super::{FRAME_BYTES_MAX, Session, silent};
use crate::postgres::failure::{from_server, malformed};

/// What every frame begins with: its tag and its length.
const HEAD_BYTES: usize = 5;
/// What the format begins with, before eight bytes of flags and extensions, of which there are none.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The number of columns that stands for the end.
const END: &[u8] = &[0xff, 0xff];

impl Session {
    /// Runs `COPY (…) TO STDOUT (FORMAT binary)` and gives each tuple to `row`.
    ///
    /// # Errors
    /// What the server says, or what `row` says; after the latter the session is of no use.
    pub(in crate::postgres) fn copy_out(
        &mut self,
        sql: &str,
        mut row: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.ask(sql)?;
        let mut failed = None;
        loop {
            let mut at = 0;
            while let Some((tag, body, length)) = frame(&self.input[at..])? {
                match tag {
                    b'd' => tuple(body, &mut row)?,
                    b'E' => failed = Some(from_server(body)),
                    _ => {}
                }
                at += length;
                if tag == b'Z' {
                    self.input.advance(at);
                    return failed.map_or(Ok(()), Err);
                }
            }
            self.input.advance(at);
            let came = self.fill(self.silence.of_answers());
            let came = came.and_then(|came| came.then_some(()).ok_or_else(silent));
            // The server says ready after an error, unless the connection is gone.
            came.map_err(|e| failed.take().unwrap_or(e))?;
        }
    }
}

/// The tag and the body of the frame that bytes begin with, and how long it is; `None`: it is not whole.
fn frame(bytes: &[u8]) -> Result<Option<(u8, &[u8], usize)>> {
    let Some([tag, length @ ..]) = bytes.first_chunk::<HEAD_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length) as usize;
    if !(HEAD_BYTES - 1..=FRAME_BYTES_MAX).contains(&length) {
        return Err(malformed("length"));
    }
    let body = bytes.get(HEAD_BYTES..length + 1);
    Ok(body.map(|body| (*tag, body, length + 1)))
}

/// The server sends a frame for each row; the first one has the beginning of the format too.
fn tuple(body: &[u8], row: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let body = match body.strip_prefix(SIGNATURE) {
        Some([0, 0, 0, 0, 0, 0, 0, 0, body @ ..]) => body,
        Some(_) => return Err(malformed("copy: flags")),
        None => body,
    };
    match body {
        // The beginning alone, or the end.
        [] | END => Ok(()),
        tuple => row(tuple),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_or_waited_for() {
        let bytes = b"d\0\0\0\x06abZ";
        assert_eq!(frame(bytes).unwrap(), Some((b'd', &b"ab"[..], 7)));
        for short in 0..7 {
            assert_eq!(frame(&bytes[..short]).unwrap(), None, "{short}");
        }
        assert!(frame(b"d\0\0\0\x03").is_err());
        assert!(frame(b"d\xff\xff\xff\xff").is_err());
    }

    #[test]
    fn the_beginning_and_the_end_are_no_rows() {
        let begin = [SIGNATURE, &[0; 8]].concat();
        let with_row = [&begin[..], b"\0\0"].concat();
        let mut rows = Vec::new();
        for body in [&begin[..], END, b"\0\x01\xff\xff\xff\xff", &with_row] {
            tuple(body, &mut |row| {
                rows.push(row.to_vec());
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(rows, [&b"\0\x01\xff\xff\xff\xff"[..], b"\0\0"]);
        let flags = [SIGNATURE, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
        assert!(tuple(&flags, &mut |_| Ok(())).is_err());
    }
}
