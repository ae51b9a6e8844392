//! Whole numbers in JSON, however they are written: `5`, `5.0`, `50e-1` and `0.5e1` are one integer to JSON Schema (2020-12
//! core §4.2.1 and validation §6.1.1), and clients that keep every number as a float write them so.

use std::borrow::Cow;

/// The most digits that are written out: those of [`u64::MAX`]. What has more fits no integer of ours, and stays as it is.
const MOST_DIGITS: usize = 20;

/// The JSON text with each whole number written in digits alone. Everything else stays, also where it is no JSON.
pub(super) fn plain_integers(json: &[u8]) -> Cow<'_, [u8]> {
    let mut plain: Vec<u8> = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while at < json.len() {
        match json[at] {
            b'"' => at = end_of_string(json, at),
            b'-' | b'0'..=b'9' => {
                let end = at + json[at..].iter().take_while(|byte| is_part(**byte)).count();
                if let Some(digits) = whole(&json[at..end]) {
                    plain.extend_from_slice(&json[copied..at]);
                    plain.extend_from_slice(&digits);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }

    if copied == 0 {
        return json.into();
    }

    plain.extend_from_slice(&json[copied..]);

    plain.into()
}

/// Where the string that starts at `start` has ended.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The digits of a number that is whole, where it is not written in digits alone already.
fn whole(number: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(number).ok()?;
    let (sign, unsigned) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(m, e)| (m, Some(e)));

    let (integer, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(i, f)| (i, Some(f)));
    let is_plain = exponent.is_none() && fraction.is_none() && text != "-0";
    if is_plain || !is_digits(integer) || (integer.len() > 1 && integer.starts_with('0')) {
        return None;
    }
    if !fraction.is_none_or(is_digits)
        || !exponent
            .is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
    {
        return None;
    }

    let fraction = fraction.unwrap_or_default();
    let digits = [integer, fraction].concat();
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Some(b"0".to_vec());
    }

    let trailing = digits.len() - digits.trim_end_matches('0').len();
    // A fraction is no longer than the body, and an exponent that does not fit makes no integer of ours.
    let exponent = exponent.map_or(Some(0), |exponent| exponent.parse::<i64>().ok())?;
    let zeros = exponent
        .checked_add(i64::try_from(trailing).ok()?)?
        .checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let zeros = usize::try_from(zeros)
        .ok()
        .filter(|zeros| significant.len().saturating_add(*zeros) <= MOST_DIGITS)?;

    Some(
        [
            sign.as_bytes(),
            significant.as_bytes(),
            "0".repeat(zeros).as_bytes(),
        ]
        .concat(),
    )
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(json: &str) -> String {
        String::from_utf8(plain_integers(json.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn whole_numbers_are_written_in_digits() {
        for (given, expected) in [
            ("5.0", "5"),
            ("-5.00", "-5"),
            ("50e-1", "5"),
            ("0.5e1", "5"),
            ("1E+2", "100"),
            ("1.050e3", "1050"),
            ("-0", "0"),
            ("0.0", "0"),
            ("-0.0e-9", "0"),
            ("18446744073709551615.0", "18446744073709551615"),
            (
                r#"{"a": [5.0, 1e1], "b": -1.0}"#,
                r#"{"a": [5, 10], "b": -1}"#,
            ),
        ] {
            assert_eq!(plain(given), expected, "{given}");
        }
    }

    #[test]
    fn everything_else_stays() {
        for same in [
            "5",
            "5.5",
            "1e-1",
            "1e400",
            "1e99999999999999999999",
            "05.0",
            "5.",
            ".5",
            "1e",
            "--1.0",
            "1.0.0",
            "1e+-2",
            r#""5.0""#,
            r#"{"5.0": "\"5.0"}"#,
            r#""\"#,
            r#""\\5.0"#,
            "[",
            "",
            "100000000000000000000.0",
        ] {
            assert_eq!(plain(same), same);
        }
    }
}
