use std::{
    borrow::Cow,
    fmt,
    ops::{Add, Sub},
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use time::{Duration, OffsetDateTime, UtcOffset};

/// A moment in UTC, written as RFC 3339 has it, with microseconds: `2026-01-31T12:00:00.500000Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(#[serde(with = "time::serde::rfc3339")] OffsetDateTime);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);

    /// The moment as the `time` crate has it.
    pub fn inner(self) -> OffsetDateTime {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn unix_timestamp(self) -> i64 {
        self.0.unix_timestamp()
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        Self(moment.to_offset(time::UtcOffset::UTC))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0 - duration)
    }
}

/// Six digits of the second, trailing zeros kept: what is written in one length sorts and compares as text.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.0.checked_to_offset(UtcOffset::UTC).unwrap_or(self.0);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second, micro) = moment.to_hms_micro();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z", u8::from(month))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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

    /// Whatever could be read is valid.
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_six_digits_of_the_second() {
        let moment = |microseconds| Timestamp::UNIX_EPOCH + Duration::microseconds(microseconds);
        assert_eq!(moment(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(moment(500_000).to_string(), "1970-01-01T00:00:00.500000Z");
        assert_eq!((moment(7) + Duration::nanoseconds(999)).to_string(), "1970-01-01T00:00:00.000007Z");
    }
}
