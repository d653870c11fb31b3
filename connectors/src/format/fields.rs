//! The names of a type's fields, found out without a value of it.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

/// The names under which a struct's fields are read, aliases included; `None` for whatever does not name its fields
/// beforehand, such as a map, a tuple or a struct with a flattened field.
pub(crate) fn field_names<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut names = None;
    // It ends with an error, since there is no value: by then the names have been told, or never will be.
    let _ = T::deserialize(Asked(&mut names));
    names
}

struct Asked<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("only the names of fields were asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = Some(fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Named {
        a: u64,
        #[serde(rename = "c", alias = "d")]
        b: Vec<Named>,
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Wrapped(Named);

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Flattened {
        a: u64,
        #[serde(flatten)]
        rest: BTreeMap<String, u64>,
    }

    #[test]
    fn only_structs_name_their_fields_beforehand() {
        assert_eq!(field_names::<Named>(), Some(["a", "c", "d"].as_slice()));
        assert_eq!(field_names::<Wrapped>(), Some(["a", "c", "d"].as_slice()));
        assert_eq!(field_names::<Flattened>(), None);
        assert_eq!(field_names::<(u64, u64)>(), None);
        assert_eq!(field_names::<BTreeMap<String, u64>>(), None);
    }
}
