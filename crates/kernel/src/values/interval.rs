//! Spans of time in months, days and microseconds.

use std::fmt;

use schemars::json_schema;

use super::text_form::text_form;

/// A span of time: months, days and microseconds, which do not convert into each other, because
/// months have 28 to 31 days and days 23 to 25 hours. It is the type `interval` of Postgres.
///
/// Its text is an ISO 8601 duration such as `P1Y2M3DT4H5M6.5S`, in which each number may be negative
/// (`P-1M`), as Postgres writes it. Weeks are read as seven days. Months and days are 32-bit and
/// microseconds 64-bit integers; the two combinations that stand for `infinity` and `-infinity` in
/// Postgres are refused.
///
/// Values are equal if all three parts are. Postgres also holds one month equal to 30 days, and a
/// day to 24 hours, when it compares intervals in filters and orders.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    months: i32,
    days: i32,
    microseconds: i64,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Interval {
    /// No time at all.
    pub const ZERO: Self = Self {
        months: 0,
        days: 0,
        microseconds: 0,
    };

    /// A span of these parts; `None` for the two that Postgres holds infinite: all parts at their
    /// maximum, or all at their minimum.
    pub fn new(months: i32, days: i32, microseconds: i64) -> Option<Self> {
        match (months, days, microseconds) {
            (i32::MAX, i32::MAX, i64::MAX) | (i32::MIN, i32::MIN, i64::MIN) => None,
            _ => Some(Self {
                months,
                days,
                microseconds,
            }),
        }
    }

    /// The months; twelve for each year.
    pub fn months(self) -> i32 {
        self.months
    }

    /// The days; seven for each week.
    pub fn days(self) -> i32 {
        self.days
    }

    /// Hours, minutes and seconds, in microseconds.
    pub fn microseconds(self) -> i64 {
        self.microseconds
    }

    /// Parses an ISO 8601 duration with at least one part, each at most once and in order.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.strip_prefix('P')?.split_once('T') {
            Some((date, time)) if !time.is_empty() => (date, time),
            Some(_) => return None,
            None => (text.strip_prefix('P')?, ""),
        };
        if date.is_empty() && time.is_empty() {
            return None;
        }

        let [years, months, weeks, days] = parts(date, ['Y', 'M', 'W', 'D'])?;
        let [hours, minutes, seconds] = parts(time, ['H', 'M', 'S'])?;

        let months = whole(years)? * 12 + whole(months)?;
        let days = whole(weeks)? * 7 + whole(days)?;
        let microseconds = whole(hours)? * i128::from(HOUR)
            + whole(minutes)? * i128::from(MINUTE)
            + seconds.map_or(Some(0), micros)?;

        Self::new(
            months.try_into().ok()?,
            days.try_into().ok()?,
            microseconds.try_into().ok()?,
        )
    }
}

/// Divides `1Y2M` into its numbers by their units, which stand in order.
fn parts<const COUNT: usize>(text: &str, units: [char; COUNT]) -> Option<[Option<&str>; COUNT]> {
    let (mut found, mut rest, mut next) = ([None; COUNT], text, 0);
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_ascii_uppercase())?;
        let unit = rest[end..].chars().next()?;
        let position = next + units[next..].iter().position(|it| *it == unit)?;

        found[position] = Some(&rest[..end]);
        (rest, next) = (&rest[end + 1..], position + 1);
    }

    Some(found)
}

/// A whole number of at most 19 digits; zero if it is absent.
fn whole(number: Option<&str>) -> Option<i128> {
    let Some(number) = number else {
        return Some(0);
    };
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_number =
        (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());

    is_number.then(|| number.parse().ok()).flatten()
}

/// Seconds with up to six decimals, as microseconds.
fn micros(number: &str) -> Option<i128> {
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !(1..=6).contains(&fraction.len()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }

    let fraction: i128 = format!("{fraction:0<6}").parse().ok()?;
    let signed = if seconds.starts_with('-') {
        -fraction
    } else {
        fraction
    };

    Some(whole(Some(seconds))? * i128::from(SECOND) + signed)
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ZERO {
            return f.write_str("PT0S");
        }

        f.write_str("P")?;
        for (number, unit) in [
            (self.months / 12, 'Y'),
            (self.months % 12, 'M'),
            (self.days, 'D'),
        ] {
            if number != 0 {
                write!(f, "{number}{unit}")?;
            }
        }

        if self.microseconds == 0 {
            return Ok(());
        }

        f.write_str("T")?;
        for (number, unit) in [
            (self.microseconds / HOUR, 'H'),
            (self.microseconds % HOUR / MINUTE, 'M'),
        ] {
            if number != 0 {
                write!(f, "{number}{unit}")?;
            }
        }

        write_seconds(f, self.microseconds % MINUTE)
    }
}

fn write_seconds(f: &mut fmt::Formatter<'_>, micros: i64) -> fmt::Result {
    if micros == 0 {
        return Ok(());
    }

    let sign = if micros < 0 { "-" } else { "" };
    write!(f, "{sign}{}", (micros / SECOND).unsigned_abs())?;

    let fraction = (micros % SECOND).unsigned_abs();
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }

    f.write_str("S")
}

text_form! {
    impl Interval,
    named "Interval",
    expected "an ISO 8601 duration such as P1Y2M3DT4H5M6.5S",
    schema json_schema!({
        "type": "string",
        "pattern": "^P[-0-9YMWD]*(T[-.0-9HMS]+)?$",
        "minLength": 3,
        "maxLength": 100,
        "description": "An ISO 8601 duration. Each number may be negative; only seconds have decimals, up to six.",
        "examples": ["P1M2DT12H"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_round_trips_through_text() {
        for text in [
            "PT0S",
            "P1Y2M3DT4H5M6.5S",
            "P-1Y-2M-3DT-4H-5M-6.5S",
            "PT-0.000001S",
            "P1DT-1S",
            "P178956970Y7M2147483646DT2562047788H54.775807S",
            "P-178956970Y-8M-2147483647DT-2562047788H-54.775808S",
        ] {
            let read = Interval::parse(text).map(|span| span.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        assert_eq!(Interval::parse("P2W1D"), Interval::new(0, 15, 0));
        assert_eq!(Interval::parse("PT90M"), Interval::parse("PT1H30M"));
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "P1H",
            "PT1D",
            "P1D1Y",
            "P1D1D",
            "P1.5D",
            "PT1.S",
            "PT.5S",
            "PT1.1234567S",
            "P--1D",
            "P+1D",
            "P1DT",
            "p1d",
            "P2147483648D",
            "PT9223372036855S",
            "P99999999999999999999Y",
            "1 day",
            "P1 D",
            "infinity",
            "PT1,5S",
            "P１D",
        ] {
            assert_eq!(Interval::parse(wrong), None, "{wrong}");
        }
        let infinite = "P178956970Y7M2147483647DT2562047788H54.775807S";
        assert_eq!(Interval::parse(infinite), None);
        assert_eq!(Interval::new(i32::MIN, i32::MIN, i64::MIN), None);
    }
}
