//! The personal fields of a customer, and how each is checked, masked and compared.

use mainstay::{
    http::{FieldError, INVALID_INPUT},
    personal::{hidden, initials, last_two},
    personal_text,
    prelude::*,
};
use time::Duration;

personal_text! {
    /// A person's name as they write it, such as `Ada Lovelace`.
    pub FullName, 1..=200 characters on one line, shown as initials;
    /// A telephone number as dialed, such as `+44 20 7946 0958`.
    pub Phone, 5..=32 characters on one line, shown as last_two;
    /// A number issued by the state, such as `L01X00T47` on a passport.
    pub NationalId, 3..=50 characters on one line, shown as last_two;
    /// A postal address with its lines, such as `12 St James's Square, London`.
    pub PostalAddress, 5..=500 characters, shown as hidden;
    /// Notes about a person, such as `Prefers letters.`
    pub Notes, 1..=10_000 characters, shown as hidden;
}

impl Indexed for FullName {
    /// Lower case, with one space between words; used to sort a listing by name.
    fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(
            self.as_str()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase(),
        )
    }
}

impl Indexed for Phone {
    /// The digits, with a leading `+` if the number is international: `0049 30/123` and `+49 (0)30
    /// 123` are the same number. A value without digits stays unchanged.
    fn normalised(&self) -> Zeroizing<String> {
        let text = self.as_str().trim();
        let international = text.starts_with('+') || text.starts_with("00");

        // The zero that is only dialed within the country.
        let text = if international {
            text.replacen("(0)", "", 1)
        } else {
            text.to_owned()
        };

        let digits: String = text.chars().filter(char::is_ascii_digit).collect();

        Zeroizing::new(
            match digits
                .strip_prefix("00")
                .filter(|_| text.starts_with("00"))
                .unwrap_or(&digits)
            {
                "" => text.to_lowercase(),
                digits if international => format!("+{digits}"),
                digits => digits.to_owned(),
            },
        )
    }
}

impl Identifying for Phone {}

impl Indexed for NationalId {
    /// Letters and digits in upper case, without separators and spaces.
    fn normalised(&self) -> Zeroizing<String> {
        let plain: String = self
            .as_str()
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_uppercase)
            .collect();
        Zeroizing::new(if plain.is_empty() {
            self.as_str().to_owned()
        } else {
            plain
        })
    }
}

impl Identifying for NationalId {}

/// Refuses a date of birth before 1900 or in the future.
///
/// Today is the date in the earliest time zone, 14 hours ahead of UTC, so that a birth can be
/// entered on its day.
pub fn born_by(now: Timestamp, date: Option<&Sealed<Date>>) -> Result<(), Problem> {
    let today = Date::from(now + Duration::hours(14)).to_string();
    let is_valid =
        |date: &Sealed<Date>| (FIRST..=today.as_str()).contains(&date.sort_key().as_str());
    if date.is_none_or(is_valid) {
        return Ok(());
    }

    let detail = "expected a date from 1900 on that is not in the future".to_owned();
    Err(INVALID_INPUT.problem().errors([FieldError {
        location: "body".into(),
        pointer: "/date_of_birth".to_owned(),
        detail,
    }]))
}

/// The earliest date of birth.
const FIRST: &str = "1900-01-01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_birth_in_the_future_or_before_1900_is_refused() {
        let now = Timestamp::UNIX_EPOCH + Duration::hours(9);
        let born = |text: &str| born_by(now, Some(&Sealed::new(Date::parse(text).unwrap())));
        assert!(born("1970-01-01").is_ok() && born_by(now, None).is_ok());
        assert!(born("1970-01-02").is_err() && born("2999-12-31").is_err());
        assert!(born("1900-01-01").is_ok() && born("1899-12-31").is_err());
    }

    #[test]
    fn spellings_of_a_telephone_number_are_normalised() {
        let normalised = |text: &str| Phone::new(text).normalised().to_string();
        for same in [
            "+49 30 1234567",
            "+49 (0)30 123-4567",
            "0049 30/1234567",
            " +49(0)301234567",
        ] {
            assert_eq!(normalised(same), "+49301234567", "{same}");
        }
        assert_eq!(normalised("030 / 123 45 67"), "0301234567");
        assert_ne!(normalised("ask Ada"), normalised("ask Alan"));
    }

    #[test]
    fn spellings_of_a_national_id_are_normalised() {
        let normalised = |text: &str| NationalId::new(text).normalised().to_string();
        assert_eq!(normalised("c01x-0006 h"), "C01X0006H");
        assert_eq!(normalised("C01X0006H"), "C01X0006H");
        assert_ne!(normalised("---"), normalised("-/-"));
    }

    #[test]
    fn names_are_sorted_without_regard_to_case_and_spaces() {
        assert_eq!(
            FullName::new(" Ada   LOVELACE ").normalised().as_str(),
            "ada lovelace"
        );
    }
}
