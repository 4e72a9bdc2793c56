//! Values as JSON, written by hand: texts of a server become JSON without being understood first.

/// Bytes that are looked at together for one that is escaped.
const LANE_BYTES: usize = 16;

/// Writes a string, quoted.
pub(crate) fn string(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = first_escaped(rest) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        let escape = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => b'u',
            _ => byte,
        };
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let low = HEX[usize::from(byte & 15)];
            out.extend_from_slice(&[b'0', b'0', HEX[usize::from(byte >> 4)], low]);
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Where the first byte stands that is not written as it is.
fn first_escaped(text: &[u8]) -> Option<usize> {
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let (lanes, _) = text.as_chunks::<LANE_BYTES>();
    // Without a way out of the lane all of it is compared at once.
    let is_plain =
        |lane: &&[u8; LANE_BYTES]| !lane.iter().fold(false, |any, b| any | is_escaped(b));
    let from = lanes.iter().take_while(is_plain).count() * LANE_BYTES;
    Some(from + text[from..].iter().position(is_escaped)?)
}

/// Writes bytes as a string of base64.
pub(crate) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push(b'"');
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sign = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= group.len() { sign } else { b'=' });
        }
    }
    out.push(b'"');
}

/// Whether a text is a number as JSON has them.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").unwrap_or(exponent);
        let exponent = exponent.strip_prefix(b"-").unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// The value of a member of an object that was written here: no blanks between its tokens.
pub(crate) fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut wanted = Vec::new();
    string(name.as_bytes(), &mut wanted);
    let mut rest = object.strip_prefix(b"{")?;
    while !rest.is_empty() && rest != b"}" {
        let key = value_len(rest)?;
        let value = rest.get(key + 1..)?;
        let len = value_len(value)?;
        if rest[..key] == wanted {
            return Some(&value[..len]);
        }
        rest = value.get(len + 1..)?;
    }
    None
}

/// The members of an object that was written here: names, quoted as they stand there, and values.
pub(crate) fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = object.strip_prefix(b"{").unwrap_or_default();
    std::iter::from_fn(move || {
        let key = value_len(rest).filter(|len| *len > 0)?;
        let value = rest.get(key + 1..)?;
        let len = value_len(value)?;
        let member = (&rest[..key], &value[..len]);
        rest = value.get(len + 1..)?;
        Some(member)
    })
}

/// The length of the value that a text begins with.
fn value_len(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut at) = (0_usize, false, 0);
    loop {
        match *text.get(at)? {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' | b',' | b':' if !quoted && depth == 0 => return Some(at),
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        let mut out = Vec::new();
        string("a\"b\\c\n\u{1}ü".as_bytes(), &mut out);
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\u0001ü\"".as_bytes());
        for (at, escaped) in (0..50).flat_map(|at| ['"', '\\', '\u{1f}'].map(|e| (at, e))) {
            let mut text = "x".repeat(50);
            text.replace_range(at..at + 1, &escaped.to_string());
            let mut out = Vec::new();
            string(text.as_bytes(), &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn numbers_are_those_of_json() {
        for number in ["0", "-1.50", "1e+20", "12345678901234567890.1", "5E-7"] {
            assert!(is_number(number.as_bytes()), "{number}");
        }
        for other in ["", "-", "01", "1.", ".5", "NaN", "1e", "Infinity", "1 "] {
            assert!(!is_number(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn members_are_found_by_name() {
        let object = br#"{"a":[1,{"b":"}"}],"b":"x\",\"c\":","c":null}"#;
        assert_eq!(member(object, "a"), Some(&br#"[1,{"b":"}"}]"#[..]));
        assert_eq!(member(object, "b"), Some(&br#""x\",\"c\":""#[..]));
        assert_eq!(member(object, "c"), Some(&b"null"[..]));
        assert_eq!(member(object, "d"), None);
        assert_eq!(member(b"{}", "d"), None);
        let all: Vec<_> = members(object).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1], (&br#""b""#[..], &br#""x\",\"c\":""#[..]));
        assert_eq!(members(b"{}").count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(name in ".*", value in ".*", bytes: Vec<u8>) {
            let mut object = b"{".to_vec();
            string(name.as_bytes(), &mut object);
            object.push(b':');
            let start = object.len();
            string(value.as_bytes(), &mut object);
            let want = object[start..].to_vec();
            object.push(b'}');
            proptest::prop_assert_eq!(member(&object, &name), Some(&want[..]));
            member(&bytes, &name);
        }
    }
}
