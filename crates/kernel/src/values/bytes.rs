//! Bytes.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::json_schema;

use super::text_form::text_form;

/// At most `MOST` bytes: the type `bytea` of Postgres. In JSON they are base64 with padding (RFC
/// 4648 §4), of which each value has one spelling.
///
/// `Debug` and `Display` show the base64; keep secrets in other types.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<const MOST: usize>(Vec<u8>);

impl<const MOST: usize> Bytes<MOST> {
    /// Wraps bytes; `None` if there are more than `MOST`.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= MOST).then_some(Self(bytes))
    }

    /// Parses base64.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST.div_ceil(3) * 4 {
            return None;
        }
        STANDARD.decode(text).ok().and_then(Self::new)
    }

    /// Wraps stored bytes without checking their number, because the limit may have changed since.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MOST: usize> fmt::Display for Bytes<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}

text_form! {
    impl Bytes<const MOST: usize>,
    named "Bytes",
    expected "base64 with padding (RFC 4648 §4), no longer than the limit",
    schema json_schema!({
        "type": "string",
        "contentEncoding": "base64",
        "pattern": "^([+/0-9A-Za-z]{4})*([+/0-9A-Za-z]{2}==|[+/0-9A-Za-z]{3}=)?$",
        "maxLength": MOST.div_ceil(3) * 4,
        "examples": ["AQI="],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_through_base64() {
        for bytes in [vec![], vec![0], vec![0, 255], vec![1, 2, 3], vec![7; 4]] {
            let text = Bytes::<4>::new(bytes.clone()).map(|bytes| bytes.to_string());
            assert_eq!(
                text.and_then(|text| Bytes::<4>::parse(&text))
                    .map(Bytes::into_vec),
                Some(bytes)
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "A", "AQ", "AR==", "AQI", "A-==", "AQID ", "AQIDBAUG", "====", "AQIDBAU=",
        ] {
            assert_eq!(Bytes::<4>::parse(wrong), None, "{wrong}");
        }
    }
}
