//! A scope is a list of permissions, separated by spaces (RFC 6749 §3.3), with two words beside them: [`LEAST`] and [`ALL`].
//! Permissions are called `<resource>.<verb>`, so that neither is one.

use mainstay_access::Permissions;
use mainstay_database::{Error, Unscoped};

/// What an application is given that names no scope: it may ask whose account it works for (`GET /v1/me`), and no more.
pub const LEAST: &str = "profile";

/// Stands for every permission that the account holds where it is asked, except administrative ones, which must be named. It
/// is never given as such: the grant lists them.
pub const ALL: &str = "all";

/// What [`LEAST`] means, for a person.
pub const LEAST_IN_WORDS: &str =
    "See who you are: your e-mail address, your organization and your role.";

/// The names of a scope, ordered and each once; none where there is no scope.
pub fn parse(scope: Option<&str>) -> Vec<String> {
    ordered(
        scope
            .unwrap_or_default()
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// What is given of `asked` to an application of an account that holds `held`, of which `administrative` must be named; the
/// least where nothing is asked. `None` when a name is unknown, or is a permission that the account does not hold.
pub fn resolve(
    asked: &[String],
    held: &Permissions,
    administrative: &Permissions,
) -> Option<Vec<String>> {
    let named = asked
        .iter()
        .map(String::as_str)
        .filter(|name| ![LEAST, ALL].contains(name));
    if !held.cover(named) {
        return None;
    }

    let (all, mut names): (Vec<_>, Vec<_>) = asked.iter().cloned().partition(|name| name == ALL);
    if !all.is_empty() {
        names.extend(
            held.names()
                .filter(|name| !administrative.cover([*name]))
                .map(str::to_owned),
        );
    }

    Some(or_least(ordered(names)))
}

/// The permissions that change what others may do: a scope that does not name them does not give them.
///
/// # Errors
/// As the database answers.
pub async fn administrative(unscoped: &Unscoped) -> Result<Permissions, Error> {
    const FIND: &str = "SELECT name FROM mainstay.permissions WHERE administrative";
    let rows = unscoped
        .select("permissions.administrative", FIND, [])
        .await?;
    rows.iter().map(|row| row.get::<String>(0)).collect()
}

/// The scope of a token that may do what `held` has, in a session that was given `scopes`; a session without scopes is not
/// limited.
pub fn effective(held: &Permissions, scopes: Option<&[String]>) -> Vec<String> {
    let Some(scopes) = scopes else {
        return or_least(held.names().map(str::to_owned).collect());
    };
    let stands = |name: &&String| name.as_str() == LEAST || held.cover([name.as_str()]);
    or_least(scopes.iter().filter(stands).cloned().collect())
}

/// The scope that says `names`.
pub fn text(names: &[String]) -> String {
    names.join(" ")
}

/// A scope has one name at least.
fn or_least(names: Vec<String>) -> Vec<String> {
    if names.is_empty() {
        vec![LEAST.to_owned()]
    } else {
        names
    }
}

fn ordered(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        parse(Some(text))
    }

    #[test]
    fn a_scope_is_a_set_of_names() {
        assert_eq!(text(&names("b.read  a.read b.read")), "a.read b.read");
        assert_eq!((parse(Some(" ")), parse(None)), (Vec::new(), Vec::new()));
    }

    /// RFC 6749 §3.3: what is not asked for is not given.
    #[test]
    fn nothing_asked_is_the_least_and_all_is_what_is_held() {
        let held: Permissions = ["a.read", "b.read", "c.manage"].into_iter().collect();
        let administrative: Permissions = ["c.manage", "d.manage"].into_iter().collect();
        let given =
            |asked: &str| resolve(&names(asked), &held, &administrative).map(|given| text(&given));

        assert_eq!(given("").as_deref(), Some("profile"));
        assert_eq!(given("profile a.read").as_deref(), Some("a.read profile"));
        assert_eq!(given("all").as_deref(), Some("a.read b.read"));
        assert_eq!(
            given("all c.manage").as_deref(),
            Some("a.read b.read c.manage")
        );

        for wrong in [
            "c.read",
            "a.read c.read",
            "all c.read",
            "d.manage",
            "*",
            "ALL",
            "everything",
        ] {
            assert_eq!(given(wrong), None, "{wrong}");
        }

        assert_eq!(
            resolve(&names("all"), &Permissions::default(), &administrative),
            Some(names("profile"))
        );
    }

    #[test]
    fn a_token_says_what_it_may_do_at_present() {
        let held: Permissions = ["a.read", "b.read"].into_iter().collect();
        assert_eq!(text(&effective(&held, None)), "a.read b.read");
        assert_eq!(
            text(&effective(&held, Some(&names("b.read c.read profile")))),
            "b.read profile"
        );
        assert_eq!(
            text(&effective(&Permissions::default(), Some(&names("b.read")))),
            "profile"
        );
    }
}
