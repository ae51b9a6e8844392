//! Timestamps in UTC.

use std::{
    borrow::Cow,
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    time::SystemTime,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A point in time in UTC with microseconds, in the format of RFC 3339:
/// `2026-01-31T12:00:00.500000Z`.
///
/// It is between [`MIN`](Self::MIN) and [`MAX`](Self::MAX), the range that both RFC 3339 and
/// Postgres can represent; arithmetic saturates there. Parsing converts other offsets to UTC and
/// truncates to microseconds, the precision of `timestamptz`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

/// The text is not an RFC 3339 timestamp, or is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATimestamp;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);
    /// 0001-01-01T00:00:00Z: the year 0000 of RFC 3339 is 1 BC to Postgres.
    pub const MIN: Self = Self(time::macros::datetime!(0001-01-01 00:00:00 UTC));
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(time::macros::datetime!(9999-12-31 23:59:59.999999 UTC));

    /// Parses an RFC 3339 timestamp with any offset.
    ///
    /// # Errors
    /// [`NotATimestamp`] if the text is malformed, or out of range in UTC.
    pub fn parse(text: &str) -> Result<Self, NotATimestamp> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATimestamp)?;
        Self::in_range(moment).ok_or(NotATimestamp)
    }

    fn in_range(moment: OffsetDateTime) -> Option<Self> {
        let moment = moment.checked_to_offset(UtcOffset::UTC)?;
        let microseconds = moment.nanosecond() / 1_000 * 1_000;
        let moment = Self(moment.replace_nanosecond(microseconds).ok()?);

        (Self::MIN..=Self::MAX).contains(&moment).then_some(moment)
    }

    /// The value as a type of the `time` crate.
    pub fn inner(self) -> OffsetDateTime {
        self.0
    }

    fn text(self) -> Text {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second, microsecond) = self.0.to_hms_micro();

        let mut text = *b"0000-00-00T00:00:00.000000Z";
        for (place, number) in [
            (0..4, year.unsigned_abs()),
            (5..7, u8::from(month).into()),
            (8..10, day.into()),
            (11..13, hour.into()),
            (14..16, minute.into()),
            (17..19, second.into()),
            (20..26, microsecond),
        ] {
            write_digits(&mut text[place], number);
        }

        Text(text)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn unix_timestamp(self) -> i64 {
        self.0.unix_timestamp()
    }
}

/// The text of a timestamp. Made without [`fmt`], because each row of a listing has several.
struct Text([u8; 27]);

impl Text {
    fn as_str(&self) -> &str {
        // Digits and punctuation are always UTF-8.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes the last digits of `number`.
fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        Self::parse(text)
    }
}

impl From<OffsetDateTime> for Timestamp {
    /// Converts to the nearest value in range.
    fn from(moment: OffsetDateTime) -> Self {
        let nearest = if moment < Self::MIN.0 {
            Self::MIN
        } else {
            Self::MAX
        };
        let moment = moment
            .checked_to_offset(UtcOffset::UTC)
            .map_or(nearest, Self);

        moment.clamp(Self::MIN, Self::MAX)
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts to the nearest value in range.
    fn from(moment: SystemTime) -> Self {
        match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => {
                Duration::try_from(after).map_or(Self::MAX, |after| Self::UNIX_EPOCH + after)
            }
            Err(before) => Duration::try_from(before.duration())
                .map_or(Self::MIN, |before| Self::UNIX_EPOCH - before),
        }
    }
}

impl fmt::Display for NotATimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an RFC 3339 timestamp in the years 0001 to 9999, such as 2026-01-31T12:00:00Z",
        )
    }
}

impl std::error::Error for NotATimestamp {}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration)).clamp(Self::MIN, Self::MAX)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration)).clamp(Self::MIN, Self::MAX)
    }
}

/// Always writes six decimals, so that timestamps have the same length and sort as text.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl garde::Validate for Timestamp {
    type Context = ();

    /// Accepts every value: parsing has checked it already.
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_six_decimals() {
        let moment = |microseconds| Timestamp::UNIX_EPOCH + Duration::microseconds(microseconds);
        assert_eq!(moment(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(moment(500_000).to_string(), "1970-01-01T00:00:00.500000Z");
        assert_eq!(
            (moment(7) + Duration::nanoseconds(999)).to_string(),
            "1970-01-01T00:00:00.000007Z"
        );
    }

    fn read(text: &str) -> Result<String, NotATimestamp> {
        Timestamp::parse(text).map(|moment| moment.to_string())
    }

    #[test]
    fn a_timestamp_is_converted_to_utc_and_truncated_to_microseconds() {
        assert_eq!(
            read("2026-01-31T12:00:00+02:00").as_deref(),
            Ok("2026-01-31T10:00:00.000000Z")
        );
        assert_eq!(
            read("2026-01-31T12:00:00.123456789Z").as_deref(),
            Ok("2026-01-31T12:00:00.123456Z")
        );
        assert_eq!(
            read("9999-12-31T23:59:59+00:01").as_deref(),
            Ok("9999-12-31T23:58:59.000000Z")
        );
        assert_eq!(
            read("0001-01-01T00:00:00Z").as_deref(),
            Ok("0001-01-01T00:00:00.000000Z")
        );

        // RFC 3339 §5.6: a leap second, which is not counted.
        assert_eq!(
            read("2016-12-31T23:59:60Z").as_deref(),
            Ok("2016-12-31T23:59:59.999999Z")
        );
    }

    #[test]
    fn malformed_and_out_of_range_timestamps_are_refused() {
        for text in [
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:59.999999999-23:59",
            "0000-12-31T23:59:59Z",
            "0000-01-01T00:00:00+23:59",
            "0001-01-01T00:00:00+00:01",
            "10000-01-01T00:00:00Z",
            "+2026-01-31T12:00:00Z",
            "-0001-01-31T12:00:00Z",
            "2026-01-31T12:00:60Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00+24:00",
            "2026-02-30T12:00:00Z",
            "-infinity",
            "infinity",
            "now",
            "epoch",
            "",
        ] {
            assert_eq!(read(text), Err(NotATimestamp), "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX + Duration::seconds(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::MAX - Duration::MIN, Timestamp::MAX);
        assert_eq!(
            Timestamp::from(time::macros::datetime!(9999-12-31 23:59:59 -1)),
            Timestamp::MAX
        );
        assert_eq!(
            Timestamp::from(time::macros::datetime!(0001-01-01 00:00:00 +1)),
            Timestamp::MIN
        );

        let far = std::time::Duration::from_secs(1 << 40);
        assert_eq!(
            Timestamp::from(SystemTime::UNIX_EPOCH + far),
            Timestamp::MAX
        );
        assert_eq!(
            Timestamp::from(SystemTime::UNIX_EPOCH - far),
            Timestamp::MIN
        );
    }
}
