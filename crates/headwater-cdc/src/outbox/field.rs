//! A row of an outbox: its columns by name.

use std::borrow::Cow;

use bytes::Bytes;

use crate::json;
use crate::postgres::Cell;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// There is none.
    Null,
    /// A text.
    Text(Bytes),
    /// What is written in JSON without quotes: numbers, booleans, JSON itself.
    Json(Bytes),
    /// Bytes.
    Bytes(Bytes),
}

impl Field {
    /// What a server sends of a column of a type; a value that it leaves out is none.
    pub(super) fn of_cell(cell: &Cell, type_id: u32) -> Self {
        let Cell::Text(text) = cell else {
            return Self::Null;
        };
        match type_id {
            // boolean
            16 => Self::Json(Bytes::from_static(match &text[..] {
                b"t" => b"true",
                _ => b"false",
            })),
            // bytea
            17 => unhex(text).map_or_else(|| Self::Text(text.clone()), Self::Bytes),
            // json and jsonb
            114 | 3802 => Self::Json(text.clone()),
            // bigint, smallint, integer, real, double precision, numeric
            20 | 21 | 23 | 700 | 701 | 1700 if json::is_number(text) => Self::Json(text.clone()),
            _ => Self::Text(text.clone()),
        }
    }

    /// A value of a JSON object.
    pub(super) fn of_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::String(text) => Self::Text(Bytes::from(text.clone())),
            other => Self::Json(Bytes::from(other.to_string())),
        }
    }

    /// Its bytes as they are.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Null => None,
            Self::Text(bytes) | Self::Json(bytes) | Self::Bytes(bytes) => Some(bytes),
        }
    }

    /// Its text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        self.bytes().and_then(|b| std::str::from_utf8(b).ok())
    }

    /// Writes it as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) => json::string(text, out),
            Self::Json(json) => out.extend_from_slice(json),
            Self::Bytes(bytes) => json::base64(bytes, out),
        }
    }
}

/// The bytes of `\x00ff`.
fn unhex(text: &[u8]) -> Option<Bytes> {
    let digits = text.strip_prefix(b"\\x")?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row(Vec<(String, Field)>);

impl Row {
    pub(super) fn push(&mut self, name: impl Into<String>, field: Field) {
        self.0.push((name.into(), field));
    }

    /// A column; `None`: the row has none of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, field)| field)
    }

    /// The whole row as an object.
    pub(super) fn to_json(&self) -> Bytes {
        let mut out = b"{".to_vec();
        for (place, (name, field)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::string(name.as_bytes(), &mut out);
            out.push(b':');
            field.write(&mut out);
        }
        out.push(b'}');
        out.into()
    }

    /// A message that is no object, as it is.
    pub(super) fn of_bytes(content: &Bytes) -> Self {
        let field = match std::str::from_utf8(content) {
            Ok(_) => Field::Text(content.clone()),
            Err(_) => Field::Bytes(content.clone()),
        };
        Self(vec![("content".to_owned(), field)])
    }

    /// The members of the object that a message is.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn of_message(content: &[u8]) -> Result<Self, Cow<'static, str>> {
        match serde_json::from_slice(content) {
            Ok(serde_json::Value::Object(members)) => {
                let fields = members.iter().map(|(n, v)| (n.clone(), Field::of_json(v)));
                Ok(Self(fields.collect()))
            }
            _ => Err("the message is no JSON object".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_what_their_types_say() {
        let field = |text: &'static str, id| {
            Field::of_cell(&Cell::Text(Bytes::from_static(text.as_bytes())), id)
        };
        let json = |text: &'static str, id| {
            let mut out = Vec::new();
            field(text, id).write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(json("t", 16), "true");
        assert_eq!(json("1.50", 1700), "1.50");
        assert_eq!(json("NaN", 1700), "\"NaN\"");
        assert_eq!(json("{\"a\": 1}", 3802), "{\"a\": 1}");
        assert_eq!(json("a\"b", 25), "\"a\\\"b\"");
        assert_eq!(json("\\x00ff10", 17), "\"AP8Q\"");
        assert_eq!(
            field("\\x00ff", 17).bytes().map(|b| b.to_vec()),
            Some(vec![0, 255])
        );
        assert_eq!(Field::of_cell(&Cell::Null, 25), Field::Null);
    }
}
