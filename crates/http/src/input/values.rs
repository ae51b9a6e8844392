//! A serde deserializer for the values of query strings, forms and paths.
//!
//! A list repeats its name (`tag=a&tag=b`); any other name occurs once. Integers have one spelling.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display, str::FromStr};

use serde::{
    Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{CowStrDeserializer, Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

/// The values of one name.
pub(super) struct Values<'v> {
    name: Cow<'v, str>,
    texts: Vec<Cow<'v, str>>,
}

/// Creates a deserializer for `name=value&…`.
pub(super) fn pairs<'v>(
    pairs: impl Iterator<Item = (Cow<'v, str>, Cow<'v, str>)>,
) -> impl Deserializer<'v, Error = Error> {
    let mut grouped = BTreeMap::<_, Vec<_>>::new();
    for (name, text) in pairs {
        grouped.entry(name).or_default().push(text);
    }

    MapDeserializer::new(
        grouped
            .into_iter()
            .map(|(name, texts)| (name.clone(), Values { name, texts })),
    )
}

impl<'v> Values<'v> {
    /// The only value of a name.
    pub(super) fn only(name: &'v str, text: &'v str) -> Self {
        Self {
            name: name.into(),
            texts: vec![text.into()],
        }
    }

    fn one(mut self) -> Result<Cow<'v, str>, Error> {
        match (self.texts.pop(), self.texts.is_empty()) {
            (Some(text), true) => Ok(text),
            // serde's own message, which `violations` recognises.
            _ => Err(de::Error::custom(format_args!(
                "duplicate field `{}`",
                self.name
            ))),
        }
    }

    fn parsed<T: FromStr>(self) -> Result<T, Error> {
        self.one()?
            .parse()
            .map_err(|_| de::Error::custom("invalid value"))
    }

    /// Refuses `inf` and `NaN`, which JSON cannot write.
    fn finite<T: FromStr + Copy>(self, is_finite: fn(T) -> bool) -> Result<T, Error> {
        let number = self.parsed()?;
        if is_finite(number) {
            Ok(number)
        } else {
            Err(de::Error::custom("not a finite number"))
        }
    }

    /// Refuses `05` and `+5`.
    fn integer<T: FromStr + Display>(self) -> Result<T, Error> {
        let text = self.one()?;
        let number: Option<T> = text.parse().ok();
        number
            .filter(|number| number.to_string() == *text)
            .ok_or_else(|| de::Error::custom("not an integer"))
    }
}

impl<'v> IntoDeserializer<'v> for Values<'v> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.integer()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        CowStrDeserializer::new(self.one()?).deserialize_any(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { name, texts } = self;
        let items = texts.into_iter().map(|text| Self {
            name: name.clone(),
            texts: vec![text],
        });
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        CowStrDeserializer::new(self.one()?).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.parsed()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f32(self.finite(f32::is_finite)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.finite(f64::is_finite)?)
    }

    integers! {
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listing {
        limit: Option<u8>,
        tags: Option<Vec<String>>,
        #[serde(default)]
        years: Vec<i32>,
        deep: Option<bool>,
    }

    fn read(query: &str) -> Result<Listing, String> {
        Listing::deserialize(pairs(form_urlencoded::parse(query.as_bytes())))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_repeats_its_name_and_may_be_short_or_missing() {
        let listing = |tags: Option<&[&str]>, years: &[i32]| {
            let tags = tags.map(|tags| tags.iter().map(ToString::to_string).collect());
            Ok(Listing {
                limit: None,
                tags,
                years: years.to_vec(),
                deep: None,
            })
        };

        assert_eq!(read(""), listing(None, &[]));
        assert_eq!(read("tags=a"), listing(Some(&["a"]), &[]));
        assert_eq!(
            read("tags=b&years=-1&tags=a&years=2"),
            listing(Some(&["b", "a"]), &[-1, 2])
        );
    }

    #[test]
    fn a_single_value_occurs_once_and_in_one_spelling() {
        assert_eq!(read("limit=5&deep=true").unwrap().limit, Some(5));
        assert_eq!(
            read("limit=5&limit=6").unwrap_err(),
            "duplicate field `limit`"
        );

        for wrong in [
            "limit=05",
            "limit=%2B5",
            "limit=",
            "limit=256",
            "years=1&years=x",
            "deep=1",
            "tag=a",
            "limit[]=5",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
