//! Times of day.

use std::fmt;

use schemars::json_schema;
use time::Time;

use super::text_form::text_form;

/// A time of day without a date or time zone, with microseconds, such as `23:59:00` or
/// `08:30:00.25`: the type `time` of Postgres and `partial-time` of RFC 3339 §5.6.
///
/// It is between [`MIN`](Self::MIN) and [`MAX`](Self::MAX): there is no leap second, and Postgres's
/// `24:00:00` is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(Time);

impl TimeOfDay {
    /// 00:00:00.
    pub const MIN: Self = Self(Time::MIDNIGHT);
    /// 23:59:59.999999.
    pub const MAX: Self = Self(time::macros::time!(23:59:59.999999));

    /// Parses hours, minutes and seconds of two digits each, and up to six decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digit = |(at, byte): (usize, u8)| match at {
            2 | 5 => byte == b':',
            _ => byte.is_ascii_digit(),
        };
        if whole.len() != 8 || !whole.bytes().enumerate().all(is_digit) {
            return None;
        }
        if fraction.is_empty()
            || fraction.len() > 6
            || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }

        let micros = format!("{fraction:0<6}").parse().ok()?;
        let part = |at: usize| whole.get(at..at + 2)?.parse::<u8>().ok();
        let time = Time::from_hms_micro(part(0)?, part(3)?, part(6)?, micros).ok()?;

        Some(Self(time))
    }

    /// The time of a type of the `time` crate, truncated to microseconds.
    pub fn from_inner(time: Time) -> Self {
        let micros = time.nanosecond() / 1_000 * 1_000;
        Self(time.replace_nanosecond(micros).unwrap_or(time))
    }

    /// The value as a type of the `time` crate.
    pub fn inner(self) -> Time {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, micros) = self.0.as_hms_micro();
        write!(f, "{hour:02}:{minute:02}:{second:02}")?;
        if micros > 0 {
            let fraction = format!("{micros:06}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

text_form! {
    impl TimeOfDay,
    named "TimeOfDay",
    expected "a time of day such as 23:59:00 or 08:30:00.25",
    schema json_schema!({
        "type": "string",
        "format": "time-local",
        "pattern": "^[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?$",
        "examples": ["23:59:00"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_round_trips_through_text() {
        for text in [
            "00:00:00",
            "08:30:00.25",
            "23:59:59.999999",
            "12:00:00.000001",
        ] {
            assert_eq!(
                TimeOfDay::parse(text)
                    .map(|time| time.to_string())
                    .as_deref(),
                Some(text)
            );
        }
        assert_eq!(
            TimeOfDay::parse("12:00:00.500"),
            TimeOfDay::parse("12:00:00.5")
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "24:00:00",
            "23:59:60",
            "12:00",
            "1:00:00",
            "12:00:00.",
            "12:00:00.1234567",
            "12:00:00Z",
            "12:00:00+01:00",
            "12-00-00",
            "+2:00:00",
            "12:00:00.+1",
            "12:00:0０",
        ] {
            assert_eq!(TimeOfDay::parse(wrong), None, "{wrong}");
        }
    }
}
