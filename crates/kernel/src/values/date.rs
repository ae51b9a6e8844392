//! Calendar dates.

use std::fmt;

use schemars::json_schema;
use time::{Duration, Month};

use super::text_form::text_form;
use crate::Timestamp;

/// A date of the Gregorian calendar without a time zone, such as `2001-12-31`: the type `date` of
/// Postgres and `full-date` of RFC 3339 §5.6.
///
/// It is between [`MIN`](Self::MIN) and [`MAX`](Self::MAX), the range that both can write: the year
/// 0000 of RFC 3339 is 1 BC to Postgres. Postgres's `infinity` is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(time::Date);

impl Date {
    /// 0001-01-01.
    pub const MIN: Self = Self(time::macros::date!(0001 - 01 - 01));
    /// 9999-12-31.
    pub const MAX: Self = Self(time::macros::date!(9999 - 12 - 31));

    /// Parses four, two and two digits. Refuses a sign or fewer digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 10 || !text.bytes().enumerate().all(is_digit) {
            return None;
        }

        let (year, month) = (text[..4].parse().ok()?, text[5..7].parse::<u8>().ok()?);
        Self::new(year, month, text[8..].parse().ok()?)
    }

    /// The date of a year (1 to 9999), month (1 to 12) and day (1 to 31); `None` if there is none.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = Month::try_from(month).ok()?;
        let date = time::Date::from_calendar_date(year, month, day).ok()?;
        Self::from_inner(date)
    }

    /// The date of a type of the `time` crate; `None` if it is out of range.
    pub fn from_inner(date: time::Date) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&date)
            .then_some(Self(date))
    }

    /// The value as a type of the `time` crate.
    pub fn inner(self) -> time::Date {
        self.0
    }

    /// The date `days` later, or earlier if negative; saturates at the ends of the range.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(Duration::days(days.into()))).clamp(Self::MIN, Self::MAX)
    }
}

impl From<Timestamp> for Date {
    /// The date in UTC.
    fn from(moment: Timestamp) -> Self {
        Self(moment.inner().date())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

text_form! {
    impl Date,
    named "Date",
    expected "a date such as 2001-12-31, in the years 0001 to 9999",
    schema json_schema!({
        "type": "string",
        "format": "date",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "examples": ["2001-12-31"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_round_trips_through_text() {
        for text in ["0001-01-01", "2000-02-29", "9999-12-31"] {
            assert_eq!(
                Date::parse(text).map(|date| date.to_string()).as_deref(),
                Some(text)
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "0000-12-31",
            "2001-02-29",
            "2001-13-01",
            "2001-00-01",
            "2001-01-00",
            "01.02.2003",
            "2001-1-1",
            "+2001-12-31",
            "-2001-12-31",
            "+201-12-31",
            "2001-12-+1",
            " 2001-12-3",
            "2001-12-31 ",
            "10000-01-01",
            "2001/12/31",
            "２001-12-3",
            "infinity",
        ] {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Date::MAX.plus_days(1), Date::MAX);
        assert_eq!(Date::MIN.plus_days(i32::MIN), Date::MIN);
        assert_eq!(
            Date::parse("2000-02-28").map(|date| date.plus_days(2)),
            Date::parse("2000-03-01")
        );
    }
}
