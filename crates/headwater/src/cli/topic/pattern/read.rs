//! Lines as records.

use headwater_connect::base64;

use super::parse::{Encoding, Part};

/// Takes a line apart: what stands at each verb, decoded. A field ends where the text after it begins; the last one at
/// the end. `None`: the line does not fit.
pub(crate) fn split(parts: &[Part], line: &[u8]) -> Option<Vec<(char, Vec<u8>)>> {
    let mut rest = line;
    let mut found = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let (verb, encoding) = match part {
            Part::Literal(text) => {
                rest = rest.strip_prefix(text.as_slice())?;
                continue;
            }
            Part::Text(verb, encoding) => (*verb, *encoding),
            Part::Number(verb, _) => (*verb, Encoding::Raw),
            Part::Time(_) | Part::Headers(_) => return None,
        };
        let end = match parts.get(i + 1) {
            Some(Part::Literal(text)) => position(rest, text)?,
            Some(_) => return None,
            None => rest.len(),
        };
        found.push((verb, decode(&rest[..end], encoding)?));
        rest = &rest[end..];
    }
    rest.is_empty().then_some(found)
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|w| w == wanted)
}

fn decode(text: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Raw => Some(text.to_vec()),
        Encoding::Hex => {
            let pairs = text.chunks(2);
            let byte = |pair: &[u8]| match pair {
                [high, low] => Some(digit(*high, 16)? << 4 | digit(*low, 16)?),
                _ => None,
            };
            pairs.map(byte).collect()
        }
        Encoding::Base64 | Encoding::Base64Raw => {
            let mut out = Vec::new();
            base64::decode(text, &mut out)?;
            Some(out)
        }
    }
}

fn digit(byte: u8, radix: u32) -> Option<u8> {
    char::from(byte).to_digit(radix).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::super::{Verbs, parse};
    use super::*;

    fn check(format: &str, line: &str, expected: Option<&[(char, &str)]>) {
        let parts =
            parse(format, Verbs::LINE).unwrap_or_else(|e| panic!("{format}: {}", e.message));
        let found = split(&parts, line.as_bytes());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        let found: Option<Vec<(char, String)>> =
            found.map(|f| f.into_iter().map(|(c, b)| (c, text(b))).collect());
        let expected: Option<Vec<(char, String)>> =
            expected.map(|e| e.iter().map(|(c, s)| (*c, (*s).to_owned())).collect());
        assert_eq!(found, expected, "{format} on {line}");
    }

    #[test]
    fn lines_are_taken_apart() {
        check("%k: %v", "a: b: c", Some(&[('k', "a"), ('v', "b: c")]));
        check("%k: %v", "a b", None);
        check("%v", "", Some(&[('v', "")]));
        check("%p %v;", "12 x;", Some(&[('p', "12"), ('v', "x")]));
        check("%v;", "x;y", None);
        check(
            "%k{hex} %v{base64}",
            "6b dmE=",
            Some(&[('k', "k"), ('v', "va")]),
        );
        check("%v{base64}", "a2V5", Some(&[('v', "key")]));
        check("%v{base64raw}", "dg", Some(&[('v', "v")]));
        check("%v{base64}", "d", None);
        check("%v{hex}", "6", None);
        check("%v{hex}", "zz", None);
    }
}
