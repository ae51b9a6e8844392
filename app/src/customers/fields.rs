use garde::Validate;
use mainstay::{
    personal::{hidden, initials, last_two},
    personal_text,
    prelude::*,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use time::{Date, format_description::BorrowedFormatItem, macros::format_description};

personal_text! {
    /// A person's name as they write it.
    pub FullName, 1..=200 characters, shown as initials;
    /// A telephone number as it is dialled.
    pub Phone, 5..=32 characters, shown as last_two;
    /// A number that the state gave, such as of a passport.
    pub NationalId, 3..=50 characters, shown as last_two;
    /// Where mail arrives, line by line.
    pub PostalAddress, 5..=500 characters, shown as hidden;
    /// What somebody noted about a person.
    pub Notes, 1..=10_000 characters, shown as hidden;
}

impl Indexed for FullName {
    /// Lower case, one space between words: the order of a listing by name.
    fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(self.as_str().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
    }
}

/// The day a person was born, from 1900 on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DateOfBirth(Date);

const ISO_8601: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

impl DateOfBirth {
    /// Reads `2001-12-31`.
    pub fn parse(text: &str) -> Option<Self> {
        Date::parse(text, ISO_8601).ok().filter(|date| date.year() >= 1900).map(Self)
    }

    /// Writes `2001-12-31`.
    pub fn to_iso_8601(self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl Personal for DateOfBirth {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.to_iso_8601().into_bytes())
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        Self::parse(std::str::from_utf8(bytes).ok()?)
    }

    fn mask(&self) -> String {
        hidden("")
    }
}

impl<'de> Deserialize<'de> for DateOfBirth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a date such as 2001-12-31, from 1900 on"))
    }
}

impl Validate for DateOfBirth {
    type Context = ();

    /// There is nothing left to check once it is a date.
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

impl JsonSchema for DateOfBirth {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DateOfBirth".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date",
            "pattern": "^(19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$",
            "examples": ["1990-12-31"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_birth_is_written_as_it_is_read() {
        assert_eq!(DateOfBirth::parse("2000-02-29").unwrap().to_iso_8601(), "2000-02-29");
        for wrong in ["", "1899-12-31", "2001-02-29", "2001-13-01", "01.02.2003", "2001-1-1"] {
            assert!(DateOfBirth::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn names_are_sorted_without_regard_to_case_and_spaces() {
        assert_eq!(FullName::new(" Ada   LOVELACE ").normalised().as_str(), "ada lovelace");
    }
}
