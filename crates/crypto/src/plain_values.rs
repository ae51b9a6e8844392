//! Plain values as personal data: dates, numbers, texts and lists of them. Their mask hides all of
//! the value. A type of your own, as `personal_text!` declares it, can show a part.
//!
//! The plaintext is text, so that an export shows it. None of them is `Identifying`: they have too
//! few distinct values for a blind index.

use mainstay_kernel::{
    Bytes, Date, Decimal, Id, Interval, JsonOf, NetworkAddress, TimeOfDay, Timestamp, Uuid,
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::personal::{Indexed, Personal};

const HIDDEN: &str = "•••";

/// Implements [`Personal`] by `Display` and `FromStr`.
macro_rules! by_text {
    ($($type:ty $(, if $storable:ident)?;)+) => {$(
        impl Personal for $type {
            fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
                Zeroizing::new(self.to_string().into_bytes())
            }

            fn from_plaintext(bytes: &[u8]) -> Option<Self> {
                std::str::from_utf8(bytes).ok()?.parse().ok()
            }

            fn mask(&self) -> String {
                HIDDEN.to_owned()
            }

            $(fn is_storable(&self) -> bool {
                self.$storable()
            })?
        }
    )+};
}

by_text! {
    bool;
    i16;
    i32;
    i64;
    f32, if is_finite;
    f64, if is_finite;
    Decimal;
    String;
    Uuid;
    Date;
    TimeOfDay;
    Timestamp;
    Interval;
    NetworkAddress;
}

impl<T> Personal for Id<T> {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        self.uuid().to_plaintext()
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        Uuid::from_plaintext(bytes).map(Self::from)
    }

    fn mask(&self) -> String {
        HIDDEN.to_owned()
    }
}

/// The limit is not checked again: it may have changed since.
impl<const MOST: usize> Personal for Bytes<MOST> {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.to_string().into_bytes())
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        Bytes::<{ usize::MAX / 8 }>::parse(text).map(|bytes| Self::from_stored(bytes.into_vec()))
    }

    fn mask(&self) -> String {
        HIDDEN.to_owned()
    }
}

impl Personal for serde_json::Value {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        json(self)
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn mask(&self) -> String {
        HIDDEN.to_owned()
    }
}

impl<T: Serialize + DeserializeOwned> Personal for JsonOf<T> {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        json(self)
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn mask(&self) -> String {
        HIDDEN.to_owned()
    }
}

/// A list, as JSON.
impl<T: Personal + Serialize + DeserializeOwned> Personal for Vec<T> {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        json(self)
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn mask(&self) -> String {
        HIDDEN.to_owned()
    }

    fn is_storable(&self) -> bool {
        self.iter().all(T::is_storable)
    }
}

/// Values whose text sorts as they do.
macro_rules! sorted_by_text {
    ($($type:ty)+) => {$(
        impl Indexed for $type {
            fn normalised(&self) -> Zeroizing<String> {
                Zeroizing::new(self.to_string())
            }
        }
    )+};
}

sorted_by_text! { Date TimeOfDay Timestamp }

/// The JSON of a value; empty if it has none, such as a map whose keys are not texts, which no
/// column type is.
fn json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<T: Personal + PartialEq>(value: T) -> bool {
        T::from_plaintext(&value.to_plaintext()).is_some_and(|read| read == value)
    }

    #[test]
    fn plain_values_round_trip_through_plaintext() {
        assert!(same(true) && same(i16::MIN) && same(i64::MAX) && same(-0.1_f32));
        assert!([f64::MIN_POSITIVE, f64::MAX, 0.1].into_iter().all(same));
        assert!(same(String::new()) && same("•\u{10ffff}".to_owned()) && same(Uuid::from_u128(7)));
        assert!(
            same(Date::MIN) && same(TimeOfDay::MAX) && same(Timestamp::MAX) && same(Decimal::MAX)
        );
        assert!(same(Bytes::<3>::from_stored(vec![0, 255, 7])) && same(vec![Date::MIN, Date::MAX]));
        assert!(same(serde_json::json!({ "a": [1, null] })) && same(JsonOf(vec![1_i64, 2])));
    }

    #[test]
    fn a_mask_hides_the_whole_value() {
        assert_eq!(
            [Date::MIN.mask(), 12_i64.mask(), vec![true; 9].mask()],
            [HIDDEN; 3]
        );
    }

    #[test]
    fn infinite_numbers_are_not_stored() {
        assert!(1.5_f32.is_storable() && vec![1.5_f64].is_storable());
        assert!(!f32::INFINITY.is_storable() && !vec![0.0, f64::NAN].is_storable());
    }
}
