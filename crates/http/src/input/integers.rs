//! Normalization of integers in JSON. `5`, `5.0`, `50e-1` and `0.5e1` are the same integer in JSON
//! Schema (2020-12 core §4.2.1 and validation §6.1.1), and clients that store all numbers as floats
//! write them in any of these forms.

use std::borrow::Cow;

/// The number of digits of [`u64::MAX`]. Longer numbers fit no integer type and are left unchanged.
const MOST_DIGITS: usize = 20;

/// Rewrites each whole number with digits only. Everything else is left unchanged, even if it is
/// not valid JSON.
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

/// The position after the string that starts at `start`.
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

/// Returns the digits of a whole number; `None` if the number is not whole or consists of digits
/// already.
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
    // An exponent that does not fit into an `i64` gives no integer that fits either.
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
    fn whole_numbers_are_rewritten_with_digits_only() {
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
    fn everything_else_is_left_unchanged() {
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
