//! Parsing of `Content-Type` and `Content-Encoding` (RFC 9110 §8.3, §8.4).

use http::HeaderValue;

/// The type of a body, in lower case, and its charset.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    pub(super) essence: String,
    charset: Option<String>,
}

impl MediaType {
    /// Parses `type/subtype; name=value; name="quoted"`, with white space around semicolons.
    /// Returns `None` if it is not a media type, or has two charsets.
    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let (essence, mut rest) = text
            .split_once(';')
            .map_or((text, ""), |(essence, rest)| (essence, rest));
        let essence = essence.trim_matches(WHITE);
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }

        let mut charset = None;
        while !rest.is_empty() {
            let Some((name, value, behind)) = parameter(rest)? else {
                break;
            };
            if name.eq_ignore_ascii_case("charset") && charset.replace(value).is_some() {
                return None;
            }
            rest = behind;
        }

        Some(Self {
            essence: essence.to_ascii_lowercase(),
            charset,
        })
    }

    /// Whether the charset is UTF-8, which is also the default.
    pub(super) fn is_utf8(&self) -> bool {
        self.charset
            .as_ref()
            .is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    }
}

/// Whether the body is not compressed: there is no coding other than `identity`.
pub(super) fn is_plain<'h>(codings: impl IntoIterator<Item = &'h HeaderValue>) -> bool {
    codings.into_iter().all(|line| {
        let mut codings = line
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii);
        codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    })
}

const WHITE: [char; 2] = [' ', '\t'];

/// Parses the next parameter that is not empty. Returns its name, its value and the rest of the
/// text; `Some(None)` if there is none left, `None` if it is malformed.
#[expect(
    clippy::option_option,
    reason = "the outer one is an error, the inner one the end"
)]
fn parameter(text: &str) -> Option<Option<(&str, String, &str)>> {
    let text = text.trim_start_matches([' ', '\t', ';']);
    if text.is_empty() {
        return Some(None);
    }

    let (name, value) = text.split_once('=')?;
    let (value, behind) = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let end = value
                .find(|character| character == ';' || WHITE.contains(&character))
                .unwrap_or(value.len());
            (value[..end].to_owned(), &value[end..])
        }
    };

    let behind = behind.trim_start_matches(WHITE);
    let ends = behind.is_empty() || behind.starts_with(';');

    (is_token(name) && ends).then_some(Some((name, value, behind)))
}

/// Returns the text up to the closing quotation mark, and the rest after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[position + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }

    None
}

/// Whether a text is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, bool)> {
        let parsed = MediaType::parse(&HeaderValue::from_str(text).unwrap())?;
        let is_utf8 = parsed.is_utf8();
        Some((parsed.essence, is_utf8))
    }

    #[test]
    fn a_media_type_is_parsed_in_all_its_spellings() {
        for text in [
            "application/json",
            "Application/JSON",
            "application/json ; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json\t;\tCharset=\"utf-8\"",
            "application/json; charset=\"u\\tf-8\"",
            "application/json; profile=\"a;b=\\\"c\"; charset=utf-8",
            "application/json;",
            "application/json;; v=1 ;",
        ] {
            assert_eq!(
                parsed(text),
                Some(("application/json".to_owned(), true)),
                "{text}"
            );
        }

        assert_eq!(
            parsed("application/json; charset=latin1"),
            Some(("application/json".to_owned(), false))
        );
    }

    #[test]
    fn malformed_media_types_are_refused() {
        for text in [
            "",
            "json",
            "application/",
            "/json",
            "application /json",
            "application/json charset=utf-8",
            "application/json, text/plain",
            "application/json; charset",
            "application/json; charset=\"utf-8",
            "application/json; charset=utf-8 x",
            "application/json; charset = utf-8",
            "application/json; charset=utf-8; charset=utf-16",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn identity_in_any_case_is_the_only_coding() {
        let plain = |lines: &[&'static str]| {
            is_plain(
                &lines
                    .iter()
                    .map(|it| HeaderValue::from_static(it))
                    .collect::<Vec<_>>(),
            )
        };

        for lines in [
            &[][..],
            &["identity"],
            &["Identity"],
            &[""],
            &["identity, IDENTITY", ""],
        ] {
            assert!(plain(lines), "{lines:?}");
        }

        for lines in [
            &["gzip"][..],
            &["identity, gzip"],
            &["identity", "br"],
            &["identity;q=1"],
        ] {
            assert!(!plain(lines), "{lines:?}");
        }
    }
}
