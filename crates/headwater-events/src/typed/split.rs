//! Takes an enum apart into the name of its variant and the JSON of what is in it.

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeStructVariant, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Result};

type Parts = (&'static str, Vec<u8>);

/// The variant's name and its data.
pub(super) fn split<E: Serialize>(event: &E) -> Result<Parts> {
    event.serialize(Split)
}

struct Split;

/// The data of a variant with fields, as far as it is written.
struct Data {
    kind: &'static str,
    json: Vec<u8>,
}

impl Data {
    fn open(kind: &'static str, bracket: u8) -> Self {
        Self {
            kind,
            json: vec![bracket],
        }
    }

    fn comma(&mut self) {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
    }

    fn close(mut self, bracket: u8) -> Parts {
        self.json.push(bracket);
        (self.kind, self.json)
    }
}

impl SerializeStructVariant for Data {
    type Ok = Parts;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.comma();
        serde_json::to_writer(&mut self.json, key)?;
        self.json.push(b':');
        serde_json::to_writer(&mut self.json, value)
    }

    fn end(self) -> Result<Parts> {
        Ok(self.close(b'}'))
    }
}

impl SerializeTupleVariant for Data {
    type Ok = Parts;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.comma();
        serde_json::to_writer(&mut self.json, value)
    }

    fn end(self) -> Result<Parts> {
        Ok(self.close(b']'))
    }
}

fn no_enum<T>() -> Result<T> {
    Err(Error::custom(
        "it is no enum with serde's own (external) tagging",
    ))
}

/// What no event is.
macro_rules! refuse {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<Parts> { no_enum() })*
    };
}

impl Serializer for Split {
    type Ok = Parts;
    type Error = Error;
    type SerializeSeq = Impossible<Parts, Error>;
    type SerializeTuple = Impossible<Parts, Error>;
    type SerializeTupleStruct = Impossible<Parts, Error>;
    type SerializeTupleVariant = Data;
    type SerializeMap = Impossible<Parts, Error>;
    type SerializeStruct = Impossible<Parts, Error>;
    type SerializeStructVariant = Data;

    refuse!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    );

    fn serialize_unit_variant(self, _: &'static str, _: u32, kind: &'static str) -> Result<Parts> {
        Ok((kind, b"{}".to_vec()))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
        value: &T,
    ) -> Result<Parts> {
        Ok((kind, serde_json::to_vec(value)?))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
        _: usize,
    ) -> Result<Data> {
        Ok(Data::open(kind, b'['))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
        _: usize,
    ) -> Result<Data> {
        Ok(Data::open(kind, b'{'))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Parts> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<Parts> {
        no_enum()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Parts> {
        no_enum()
    }

    fn serialize_unit(self) -> Result<Parts> {
        no_enum()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        no_enum()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        no_enum()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        no_enum()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        no_enum()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        no_enum()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::parse::parse;
    use super::super::variants;
    use super::split;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shapes {
        Unit,
        One(u8),
        Two(u8, String),
        #[serde(rename = "named", alias = "older")]
        Named {
            a: Option<u8>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            b: Vec<u8>,
        },
    }

    fn check(event: Shapes, kind: &str, data: &str) {
        let (k, d) = split(&event).expect("an enum");
        assert_eq!((k, std::str::from_utf8(&d).expect("text")), (kind, data));
        assert_eq!(parse::<Shapes>(kind, &d).expect("the same"), event);
    }

    #[test]
    fn every_kind_of_variant_is_taken_apart_and_put_together() {
        check(Shapes::Unit, "Unit", "{}");
        check(Shapes::One(1), "One", "1");
        check(Shapes::Two(1, "x".into()), "Two", r#"[1,"x"]"#);
        let named = Shapes::Named {
            a: None,
            b: Vec::new(),
        };
        check(named, "named", r#"{"a":null}"#);
        let older = parse::<Shapes>("older", br#"{"a":1,"b":[2],"more":3}"#);
        let b = vec![2];
        assert_eq!(
            older.expect("an older name"),
            Shapes::Named { a: Some(1), b }
        );
    }

    #[test]
    fn types_are_known_without_an_event() {
        let types = variants::of::<Shapes>();
        assert!(types.contains(&"named") && types.contains(&"older") && types.contains(&"Unit"));
    }

    #[test]
    fn what_is_no_enum_is_refused() {
        #[derive(Serialize)]
        #[serde(tag = "type")]
        enum Tagged {
            A { a: u8 },
        }
        assert!(split(&Tagged::A { a: 1 }).is_err());
        assert!(split(&"text").is_err());
        assert!(split(&(1, 2)).is_err());
        assert!(parse::<Shapes>("Nothing", b"{}").is_err());
        assert!(parse::<Shapes>("One", b"1 2").is_err());
    }
}
