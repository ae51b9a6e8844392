//! A scope is a list of permissions, separated by spaces (RFC 6749 §3.3).

/// The permissions that a scope names; `None` where it names none. Not ordered and without repetitions in the sense that
/// neither matters.
pub(super) fn parse(scope: Option<&str>) -> Option<Vec<String>> {
    let mut names: Vec<_> = scope?.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then_some(names)
}

/// The scope that says `names`.
pub(super) fn text(names: &[String]) -> String {
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_set_of_names() {
        assert_eq!(parse(Some("b.read  a.read b.read")), Some(vec!["a.read".to_owned(), "b.read".to_owned()]));
        assert_eq!(parse(Some(" ")), None);
        assert_eq!(parse(None), None);
        assert_eq!(text(&["a.read".to_owned(), "b.read".to_owned()]), "a.read b.read");
    }
}
