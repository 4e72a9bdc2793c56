//! Puts an enum together from the name of a variant and the JSON of what is in it.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
    VariantAccess, Visitor,
};
use serde_json::{Error, Result};

/// The event of type `kind` with these data.
pub(super) fn parse<E: DeserializeOwned>(kind: &str, data: &[u8]) -> Result<E> {
    E::deserialize(Parse { kind, data })
}

#[derive(Clone, Copy)]
struct Parse<'a> {
    kind: &'a str,
    data: &'a [u8],
}

impl<'de> Deserializer<'de> for Parse<'de> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Error::custom(
            "it is no enum with serde's own (external) tagging",
        ))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Parse<'de> {
    type Error = Error;
    type Variant = Data<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Data<'de>)> {
        let kind = seed.deserialize(self.kind.into_deserializer())?;
        Ok((kind, Data(self.data)))
    }
}

struct Data<'a>(&'a [u8]);

type Json<'a> = serde_json::Deserializer<serde_json::de::SliceRead<'a>>;

impl<'de> Data<'de> {
    /// Reads the data to their end.
    fn whole<T>(self, read: impl FnOnce(&mut Json<'de>) -> Result<T>) -> Result<T> {
        let mut json = serde_json::Deserializer::from_slice(self.0);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }
}

impl<'de> VariantAccess<'de> for Data<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.whole(|json| seed.deserialize(json))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.whole(|json| json.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.whole(|json| json.deserialize_struct("", fields, visitor))
    }
}
