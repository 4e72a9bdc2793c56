//! Base64 (RFC 4648, section 4): how BYTES stand in text formats.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends what `text` stands for; `None` if it is not base64 (`out` may then have grown).
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let body = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"="));
    let body = body.unwrap_or(text);
    if text.len() != body.len() && !text.len().is_multiple_of(4) {
        return None;
    }
    for group in body.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            bits = bits << 6 | u32::from(sextet(*byte)?);
        }
        match group.len() {
            4 => out.extend_from_slice(&bits.to_be_bytes()[1..]),
            3 => out.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
            2 => out.push((bits >> 4) as u8),
            _ => return None,
        }
    }
    Some(())
}

/// Appends the base64 of `bytes`, padded.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut bits = [0_u8; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for place in 0..4 {
            out.push(if place <= group.len() {
                ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]
            } else {
                b'='
            });
        }
    }
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, coded.as_bytes());
            out.clear();
            assert_eq!(decode(coded.as_bytes(), &mut out), Some(()));
            assert_eq!(out, plain.as_bytes());
        }
        assert_eq!(decode(b"Zg=", &mut Vec::new()), None);
        assert_eq!(decode(b"Z", &mut Vec::new()), None);
        assert_eq!(decode(b"Z\n==", &mut Vec::new()), None);
    }
}
