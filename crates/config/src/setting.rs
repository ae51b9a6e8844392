//! Types of settings: how they are parsed and displayed.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The type of a setting.
///
/// The displayed text parses to the same value, except that the password in a URL is hidden and
/// fractions of a millisecond are dropped. Not for secrets, which are read with
/// [`Reader::secret`](crate::Reader::secret) and cannot be displayed.
pub trait Setting: Sized {
    /// The expected form of a value, as text that follows "expected ".
    const KIND: &'static str;

    /// Parses the text.
    ///
    /// # Errors
    /// A message that follows the name of the variable, such as "is not a number". It must not
    /// quote the text.
    fn parse(text: &str) -> Result<Self, String>;

    /// Formats the value for display.
    fn show(&self) -> String;
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("is empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }

    fn show(&self) -> String {
        without_url_password(self)
    }
}

impl Setting for PathBuf {
    const KIND: &'static str = "a path";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("is empty".to_owned())
        } else {
            Ok(text.into())
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for Duration {
    const KIND: &'static str = "a duration such as 500ms, 30s, 15m, 12h or 7d";

    fn parse(text: &str) -> Result<Self, String> {
        let (count, unit) = count_and_unit(text).ok_or("is not a duration")?;
        let (_, milliseconds) = DURATION_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or("is not a duration")?;
        let total = count.checked_mul(*milliseconds).ok_or("is too long")?;

        Ok(Self::from_millis(total))
    }

    fn show(&self) -> String {
        let total = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        let largest = DURATION_UNITS
            .iter()
            .find(|(_, milliseconds)| total > 0 && total % milliseconds == 0);
        let (name, milliseconds) = largest.unwrap_or(&("s", 1_000));
        format!("{}{name}", total / milliseconds)
    }
}

/// Values separated by commas. White space around values is ignored, and an empty text is an empty
/// list.
impl<T: Setting> Setting for Vec<T> {
    const KIND: &'static str = "values separated by commas";

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::new());
        }

        let item = |(index, item): (usize, &str)| {
            T::parse(item.trim())
                .map_err(|why| format!("value {} {why} (expected {})", index + 1, T::KIND))
        };
        text.split(',').enumerate().map(item).collect()
    }

    fn show(&self) -> String {
        self.iter().map(T::show).collect::<Vec<_>>().join(",")
    }
}

/// Implements [`Setting`] with `FromStr` and `Display`.
macro_rules! settings_from_str {
    ($($type:ty: $kind:literal, $wrong:literal;)*) => {$(
        impl Setting for $type {
            const KIND: &'static str = $kind;

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| $wrong.to_owned())
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

settings_from_str! {
    bool: "true or false", "is not true or false";
    u16: "a whole number from 0 to 65535", "is not a whole number in range";
    u32: "a whole number from 0 to 4294967295", "is not a whole number in range";
    u64: "a whole number from 0", "is not a whole number in range";
    usize: "a whole number from 0", "is not a whole number in range";
    IpAddr: "an IP address", "is not an IP address";
    SocketAddr: "an IP address and a port such as 127.0.0.1:8080", "is not an IP address and a port";
}

/// Units of durations in milliseconds, the largest first.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Splits `30s` into 30 and `s`. Returns `None` unless digits and something else follow each other.
pub(crate) fn count_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    Some((count.parse().ok()?, unit))
}

/// Hides the password of a URL: `scheme://user:[secret]@host`. Other text is left unchanged.
fn without_url_password(text: &str) -> String {
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user_info, _) = authority.rsplit_once('@')?;
        let (user, _) = user_info.split_once(':')?;
        Some(format!(
            "{scheme}://{user}:[secret]{}",
            &rest[user_info.len()..]
        ))
    };

    hidden().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_parsed_with_their_units() {
        for (text, seconds) in [
            ("30s", 30),
            ("15m", 900),
            ("12h", 43_200),
            ("7d", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(
                Duration::parse(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }

        assert_eq!(Duration::parse("500ms"), Ok(Duration::from_millis(500)));

        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5s",
            "5S",
            "5sec",
            "18446744073709551615d",
            "99999999999999999999s",
        ] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_says_which_value_is_wrong() {
        assert_eq!(Vec::<u16>::parse("1, 2,3"), Ok(vec![1, 2, 3]));
        assert_eq!(Vec::<u16>::parse(" "), Ok(vec![]));

        let wrong = Vec::<u16>::parse("1,x").unwrap_err();
        assert!(
            wrong.starts_with("value 2 is not a whole number"),
            "{wrong}"
        );
        assert!(Vec::<String>::parse("a,,b").is_err());
    }

    #[test]
    fn numbers_out_of_range_and_other_spellings_are_refused() {
        assert!(u16::parse("65536").is_err());
        assert!(u32::parse("-1").is_err());
        assert!(bool::parse("yes").is_err());
        assert!(SocketAddr::parse("localhost:80").is_err());
        assert!(String::parse("").is_err());
        assert!(PathBuf::parse("").is_err());
    }

    #[test]
    fn the_password_in_a_url_is_not_shown() {
        for (text, shown) in [
            (
                "postgres://app:hunter2@db:5432/x",
                "postgres://app:[secret]@db:5432/x",
            ),
            (
                "postgres://app:a@b:c@db/x?y=z@w",
                "postgres://app:[secret]@db/x?y=z@w",
            ),
            ("postgres://:hunter2@db", "postgres://:[secret]@db"),
            ("https://user@host/a:b@c", "https://user@host/a:b@c"),
            ("no url: a@b", "no url: a@b"),
        ] {
            assert_eq!(text.to_owned().show(), shown);
        }
    }

    proptest! {
        #[test]
        fn the_displayed_text_parses_to_the_same_value(
            milliseconds in any::<u32>(),
            flag: bool,
            port: u16,
            address: std::net::Ipv6Addr,
        ) {
            let duration = Duration::from_millis(u64::from(milliseconds));
            prop_assert_eq!(Duration::parse(&duration.show()), Ok(duration));
            prop_assert_eq!(bool::parse(&flag.show()), Ok(flag));
            let address = SocketAddr::from((address, port));
            prop_assert_eq!(SocketAddr::parse(&address.show()), Ok(address));
        }

        #[test]
        fn parsers_do_not_panic(text in ".*") {
            let _ = Duration::parse(&text);
            let _ = Vec::<SocketAddr>::parse(&text);
            let _ = text.show();
        }
    }
}
