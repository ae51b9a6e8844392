//! Content negotiation (RFC 9110 §12): a page or a problem by `Accept`, gzip by `Accept-Encoding`.

use http::{HeaderMap, HeaderName, header};

/// Whether the client prefers a page to a JSON problem, as browsers do. A client without a
/// preference, such as curl, counts as a program.
pub(crate) fn prefers_page(headers: &HeaderMap) -> bool {
    media_type(headers, "text/html") > media_type(headers, "application/problem+json")
}

/// Whether the client accepts gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight_of = |coding: &str| {
        let found = members(headers, &header::ACCEPT_ENCODING)
            .filter(|(name, _)| name.eq_ignore_ascii_case(coding));
        found.map(|(_, weight)| weight).max()
    };

    weight_of("gzip")
        .or_else(|| weight_of("*"))
        .is_some_and(|weight| weight > 0)
}

/// The quality of a media type in thousandths, from the most specific range that matches (RFC 9110
/// §12.5.1).
fn media_type(headers: &HeaderMap, wanted: &str) -> u16 {
    if !headers.contains_key(header::ACCEPT) {
        return ALL;
    }

    let kind = wanted.split_once('/').map_or("", |(kind, _)| kind);
    let specificity = |range: &str| match range.split_once('/') {
        _ if range.eq_ignore_ascii_case(wanted) => Some(2),
        Some((of, "*")) if of.eq_ignore_ascii_case(kind) => Some(1),
        Some(("*", "*")) => Some(0),
        _ => None,
    };

    let ranges = members(headers, &header::ACCEPT)
        .filter_map(|(range, weight)| Some((specificity(range)?, weight)));
    ranges.max().map_or(0, |(_, weight)| weight)
}

/// The members of a list with their weights.
fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = (&'h str, u16)> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok());

    lines.flat_map(|line| line.split(',')).map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let value = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        (value, weight.map_or(ALL, thousandths))
    })
}

/// The default weight, `q=1`.
const ALL: u16 = 1_000;

/// Parses a weight of up to three decimals (RFC 9110 §12.4.2). An invalid one counts as 0.
fn thousandths(weight: &str) -> u16 {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let is_weight = matches!(whole, "0" | "1")
        && decimals.len() <= 3
        && decimals.bytes().all(|it| it.is_ascii_digit());
    let number = if is_weight {
        format!("{whole}{decimals:0<3}").parse().unwrap_or(0)
    } else {
        0
    };
    u16::min(number, ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn browsers_get_pages_and_programs_do_not() {
        let prefers = |accept: &str| prefers_page(&accepting(header::ACCEPT, accept));

        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/html",
            "TEXT/HTML; q=1.0, application/problem+json;q=0.9",
            "text/*, application/*;q=0.5",
        ] {
            assert!(prefers(browser), "{browser}");
        }

        for program in [
            "*/*",
            "",
            "application/json",
            "application/json, text/plain, */*",
            "application/problem+json, text/html",
            "text/html;q=0.5, */*",
            "text/html;q=0",
            "text/html;q=x",
            "image/avif,image/webp,*/*;q=0.8",
        ] {
            assert!(!prefers(program), "{program}");
        }

        assert!(!prefers_page(&HeaderMap::new()));
    }

    #[test]
    fn gzip_is_sent_to_clients_that_accept_it() {
        let takes = |accept: &str| takes_gzip(&accepting(header::ACCEPT_ENCODING, accept));

        for yes in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, GZIP;q=0.5",
            "*",
            "identity;q=0, *;q=0.001",
        ] {
            assert!(takes(yes), "{yes}");
        }

        for no in [
            "",
            "br",
            "identity",
            "gzip;q=0",
            "gzip;q=0.000, *",
            "*;q=0",
            "gzip;q=nonsense",
        ] {
            assert!(!takes(no), "{no}");
        }

        assert!(
            !takes_gzip(&HeaderMap::new()),
            "RFC 9110 would allow it, but such a client may be too old for gzip"
        );
    }
}
