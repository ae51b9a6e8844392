//! Entity tags and conditional requests (RFC 9110 §8.8.3, §13.1).

use http::{HeaderMap, HeaderName, header};
use mainstay_database::IfMatch;

/// The header is not a list of entity tags.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The value of a conditional header.
enum Tags<'h> {
    /// `*`: any version.
    Any,
    /// A list of tags, possibly empty.
    These(Vec<Tag<'h>>),
}

/// An entity tag. The text between the quotes is opaque: tags are equal if their bytes are.
struct Tag<'h> {
    weak: bool,
    opaque: &'h [u8],
}

/// Formats the entity tag of a version.
pub(crate) fn tag_of(version: i64) -> String {
    format!("\"{version}\"")
}

/// Reads `If-Match` for a resource whose tags are its versions; `None` without the header. The
/// comparison is strong: a weak tag never matches, and `"01"` is not `"1"` (RFC 9110 §13.1.1).
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, Unreadable> {
    let Some(tags) = named(headers, &header::IF_MATCH)? else {
        return Ok(None);
    };

    Ok(Some(match tags {
        Tags::Any => IfMatch::Any,
        Tags::These(tags) => IfMatch::Versions(tags.iter().filter_map(Tag::version).collect()),
    }))
}

/// Whether `If-None-Match` lists `tag`, so that the client has the current content. The comparison
/// is weak (RFC 9110 §13.1.2). An invalid header is ignored.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = tag.trim_start_matches("W/").trim_matches('"').as_bytes();
    match named(headers, &header::IF_NONE_MATCH) {
        Ok(Some(Tags::Any)) => true,
        Ok(Some(Tags::These(tags))) => tags.iter().any(|tag| tag.opaque == opaque),
        Ok(None) | Err(Unreadable) => false,
    }
}

/// Reads the tags from all lines of a header, which form one list (RFC 9110 §5.3).
fn named<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<Tags<'h>>, Unreadable> {
    let lines: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|line| line.as_bytes().trim_ascii())
        .collect();
    if lines.is_empty() {
        return Ok(None);
    }
    if lines == [b"*"] {
        return Ok(Some(Tags::Any));
    }

    let mut tags = Vec::new();
    for line in lines {
        read_list(line, &mut tags)?;
    }

    Ok(Some(Tags::These(tags)))
}

/// Reads `W/"a", "b"`. Empty elements are ignored (RFC 9110 §5.6.1.2).
fn read_list<'h>(mut rest: &'h [u8], tags: &mut Vec<Tag<'h>>) -> Result<(), Unreadable> {
    loop {
        rest = rest.trim_ascii_start();

        match rest {
            [] => return Ok(()),
            [b',', behind @ ..] => rest = behind,
            _ => {
                let (tag, behind) = Tag::read(rest).ok_or(Unreadable)?;
                tags.push(tag);
                rest = behind.trim_ascii_start();
                if !matches!(rest, [] | [b',', ..]) {
                    return Err(Unreadable);
                }
            }
        }
    }
}

impl<'h> Tag<'h> {
    /// Reads the first tag, and returns it with the rest of the text.
    fn read(text: &'h [u8]) -> Option<(Self, &'h [u8])> {
        let (weak, quoted) = text
            .strip_prefix(b"W/")
            .map_or((false, text), |quoted| (true, quoted));
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        let opaque = &inner[..end];
        let is_tag = opaque
            .iter()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
        is_tag.then_some((Self { weak, opaque }, &inner[end + 1..]))
    }

    /// The version that this tag stands for; `None` if the tag is weak or not one of ours.
    fn version(&self) -> Option<i64> {
        let version: i64 = std::str::from_utf8(self.opaque).ok()?.parse().ok()?;
        let is_canonical = version.to_string().as_bytes() == self.opaque;

        (version > 0 && is_canonical && !self.weak).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, lines: &[&[u8]]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (name.clone(), HeaderValue::from_bytes(line).unwrap()))
            .collect()
    }

    fn versions(lines: &[&[u8]]) -> Result<Option<IfMatch>, Unreadable> {
        if_match(&headers(header::IF_MATCH, lines))
    }

    #[test]
    fn only_strong_canonical_tags_name_a_version() {
        let these = |versions: &[i64]| Ok(Some(IfMatch::Versions(versions.to_vec())));
        assert_eq!(versions(&[]), Ok(None));
        assert_eq!(versions(&[b" * "]), Ok(Some(IfMatch::Any)));
        assert_eq!(versions(&[b"\"7\""]), these(&[7]));
        assert_eq!(versions(&[b"\"7\" ,, \"8\"", b"\"9\""]), these(&[7, 8, 9]));
        assert_eq!(versions(&[b"\"a,b\",\"7\""]), these(&[7]));

        for none in [
            "W/\"7\"",
            "\"07\"",
            "\"+7\"",
            "\"-7\"",
            "\"0\"",
            "\"stale\"",
            "\"\"",
            "\"99999999999999999999\"",
            "",
        ] {
            assert_eq!(versions(&[none.as_bytes()]), these(&[]), "{none}");
        }

        assert_eq!(versions(&[b"\"\xff\""]), these(&[]));
    }

    #[test]
    fn a_malformed_list_of_tags_is_unreadable() {
        for wrong in [
            "7",
            "stale",
            "\"7",
            "7\"",
            "\"7\" \"8\"",
            "w/\"7\"",
            "W/ \"7\"",
            "*, \"7\"",
            "\"a b\"",
            "**",
        ] {
            assert_eq!(versions(&[wrong.as_bytes()]), Err(Unreadable), "{wrong}");
        }

        assert_eq!(versions(&[b"*", b"*"]), Err(Unreadable));
    }

    #[test]
    fn if_none_match_accepts_weak_tags_lists_and_several_lines() {
        let known = |lines: &[&[u8]]| is_known(&headers(header::IF_NONE_MATCH, lines), "\"7\"");

        for lines in [
            vec![b"\"7\"".as_slice()],
            vec![b"W/\"7\""],
            vec![b"*"],
            vec![b"\"a\",W/\"7\""],
            vec![b"\"a\"", b"\"7\""],
        ] {
            assert!(known(&lines), "{lines:?}");
        }

        for lines in [
            vec![],
            vec![b"\"07\"".as_slice()],
            vec![b"7"],
            vec![b"\"8\""],
            vec![b"\"8\" \"7\""],
        ] {
            assert!(!known(&lines), "{lines:?}");
        }

        assert!(is_known(
            &headers(header::IF_NONE_MATCH, &[b"\"7\""]),
            "W/\"7\""
        ));
    }
}
