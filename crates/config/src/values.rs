//! Types of settings that the standard library does not have.

use crate::{Setting, setting::count_and_unit};

/// The environment of the service. Production refuses unsafe settings that development allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// Real users and real data. It is the default, so that a forgotten setting is safe.
    #[default]
    Production,
    /// A developer's machine.
    Development,
}

impl Setting for Environment {
    const KIND: &'static str = "production or development";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            _ => Err("is not an environment".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
        .to_owned()
    }
}

/// A number of bytes, with binary units: `512B`, `64KiB`, `1MiB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Units in bytes, the largest first.
const BYTE_UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl ByteSize {
    /// `count` times 1,024 bytes.
    pub const fn kib(count: u32) -> Self {
        Self((count as u64) << 10)
    }

    /// `count` times 1,048,576 bytes.
    pub const fn mib(count: u32) -> Self {
        Self((count as u64) << 20)
    }
}

impl Setting for ByteSize {
    const KIND: &'static str = "a size such as 512B, 64KiB, 1MiB or 2GiB";

    fn parse(text: &str) -> Result<Self, String> {
        let (count, unit) = count_and_unit(text).ok_or("is not a size")?;
        let (_, bytes) = BYTE_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or("is not a size")?;

        count
            .checked_mul(*bytes)
            .map(Self)
            .ok_or_else(|| "is too large".to_owned())
    }

    fn show(&self) -> String {
        let largest = BYTE_UNITS
            .iter()
            .find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes));
        let (name, bytes) = largest.unwrap_or(&("B", 1));
        format!("{}{name}", self.0 / bytes)
    }
}

/// A share of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// The whole.
    pub const ALL: Self = Self(1.0);

    /// The share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Setting for Ratio {
    const KIND: &'static str = "a number from 0 to 1 such as 0.25";

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            // Also refuses NaN, which no range contains.
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Self(ratio)),
            _ => Err("is not a number from 0 to 1".to_owned()),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_parsed_with_their_units() {
        assert_eq!(ByteSize::parse("64KiB"), Ok(ByteSize::kib(64)));
        assert_eq!(ByteSize::parse("1MiB"), Ok(ByteSize::mib(1)));
        assert_eq!(ByteSize::parse("0B"), Ok(ByteSize(0)));
        for text in ["", "1", "1KB", "1kib", "-1B", "17179869184GiB"] {
            assert!(ByteSize::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_ratio_is_between_0_and_1() {
        assert_eq!(Ratio::parse("1"), Ok(Ratio::ALL));
        assert_eq!(Ratio::parse("0.25").map(Ratio::get), Ok(0.25));
        for text in ["1.01", "-0.1", "NaN", "inf", "10%", ""] {
            assert!(Ratio::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_word_development_is_development() {
        assert_eq!(
            Environment::parse("development"),
            Ok(Environment::Development)
        );
        assert!(Environment::parse("Development").is_err());
        assert!(Environment::parse("dev").is_err());
        assert_eq!(Environment::default(), Environment::Production);
    }

    proptest! {
        #[test]
        fn the_displayed_text_parses_to_the_same_value(bytes: u64, ratio in 0.0..=1.0) {
            prop_assert_eq!(ByteSize::parse(&ByteSize(bytes).show()), Ok(ByteSize(bytes)));
            prop_assert_eq!(Ratio::parse(&Ratio(ratio).show()), Ok(Ratio(ratio)));
        }
    }
}
