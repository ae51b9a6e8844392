//! Decimal numbers.

use std::fmt;

use schemars::json_schema;

use super::text_form::text_form;

/// A decimal number with up to 28 significant digits, exact unlike a float: for money, rates and
/// measures. It is the type `numeric` of Postgres, which keeps more digits; a column that holds more
/// of them, or `NaN` or `Infinity`, cannot be read.
///
/// In JSON it is a string such as `"12.50"`, because many clients read numbers as floats. Decimals
/// are kept: `1.50` equals `1.5` but is written `1.50`. The largest is
/// 79228162514264337593543950335, and there are at most 28 decimals. A column declared as
/// `numeric(12, 2)` rounds further decimals and refuses larger numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(rust_decimal::Decimal);

impl Decimal {
    /// -79228162514264337593543950335.
    pub const MIN: Self = Self(rust_decimal::Decimal::MIN);
    /// 79228162514264337593543950335.
    pub const MAX: Self = Self(rust_decimal::Decimal::MAX);
    /// 0.
    pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);

    /// Parses digits with an optional sign `-` and decimals. Refuses exponents, superfluous zeros in
    /// front, and numbers that would have to be rounded.
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let is_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || (whole.len() > 1 && whole.starts_with('0'))
        {
            return None;
        }

        rust_decimal::Decimal::from_str_exact(text)
            .ok()
            .map(Self::from)
    }

    /// The value as a type of the `rust_decimal` crate, for arithmetic.
    pub fn inner(self) -> rust_decimal::Decimal {
        self.0
    }
}

impl From<rust_decimal::Decimal> for Decimal {
    /// Zero has no sign.
    fn from(mut number: rust_decimal::Decimal) -> Self {
        if number.is_zero() {
            number.set_sign_positive(true);
        }
        Self(number)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

text_form! {
    impl Decimal,
    named "Decimal",
    expected "a decimal number of at most 28 digits such as 12.50, as a string",
    schema json_schema!({
        "type": "string",
        "format": "decimal",
        "pattern": "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$",
        "minLength": 1,
        "maxLength": 31,
        "examples": ["12.50"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_round_trips_through_text() {
        for text in [
            "0",
            "12.50",
            "-0.01",
            "79228162514264337593543950335",
            "-79228162514264337593543950335",
            "0.0000000000000000000000000001",
            "7.9228162514264337593543950335",
        ] {
            assert_eq!(
                Decimal::parse(text)
                    .map(|number| number.to_string())
                    .as_deref(),
                Some(text)
            );
        }
        assert_eq!(
            Decimal::parse("-0.0")
                .map(|zero| zero.to_string())
                .as_deref(),
            Some("0.0")
        );
        assert_eq!(Decimal::parse("1.50"), Decimal::parse("1.5"));
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "-",
            "+1",
            "01",
            "-01.5",
            "1.",
            ".5",
            "1e3",
            "1_000",
            "NaN",
            "Infinity",
            " 1",
            "1,5",
            "0x1",
            "１",
            "79228162514264337593543950336",
            "0.00000000000000000000000000001",
        ] {
            assert_eq!(Decimal::parse(wrong), None, "{wrong}");
        }
    }
}
