//! Scopes: permissions separated by spaces (RFC 6749 §3.3), and two additional words, [`LEAST`] and
//! [`ALL`]. Permissions are named `<resource>.<verb>`, so neither word can be one.

use mainstay_access::Permissions;
use mainstay_database::{Error, Sql};

/// The scope of an application that requests none: it may only read which account it works for
/// (`GET /v1/me`).
pub const LEAST: &str = "profile";

/// Requests every permission that the account holds, except administrative ones, which must be
/// named. It is never granted itself: the grant lists the permissions.
pub const ALL: &str = "all";

/// The description of [`LEAST`] that a person sees.
pub const LEAST_IN_WORDS: &str =
    "See who you are: your e-mail address, your organization and your role.";

/// Parses a scope into sorted, unique names. Without a scope there are none.
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

/// Resolves a requested scope into the granted one: [`LEAST`] if nothing is requested, and for
/// [`ALL`] the permissions in `held`, the account's, without those in `administrative`. `None` if a
/// name is not one of the account's permissions.
pub fn resolve(
    requested: &[String],
    held: &Permissions,
    administrative: &Permissions,
) -> Option<Vec<String>> {
    let named = requested
        .iter()
        .map(String::as_str)
        .filter(|name| ![LEAST, ALL].contains(name));
    if !held.cover(named) {
        return None;
    }

    let (all, mut names): (Vec<_>, Vec<_>) =
        requested.iter().cloned().partition(|name| name == ALL);
    if !all.is_empty() {
        names.extend(
            held.names()
                .filter(|name| !administrative.cover([*name]))
                .map(str::to_owned),
        );
    }

    Some(or_least(ordered(names)))
}

/// Reads the administrative permissions: those that change what others may do. A scope grants them
/// only if it names them.
///
/// # Errors
/// The error of the database.
pub async fn administrative(sql: &Sql) -> Result<Permissions, Error> {
    const FIND: &str = "SELECT name FROM mainstay.permissions WHERE administrative";
    let names: Vec<String> = sql.query("permissions.administrative", FIND, []).await?;

    Ok(names.into_iter().collect())
}

/// The scope of a token: the permissions in `held`, limited to the session's `scopes`. A session
/// without scopes is not limited.
pub fn effective(held: &Permissions, scopes: Option<&[String]>) -> Vec<String> {
    let Some(scopes) = scopes else {
        return or_least(held.names().map(str::to_owned).collect());
    };

    let is_effective = |name: &&String| name.as_str() == LEAST || held.cover([name.as_str()]);
    or_least(scopes.iter().filter(is_effective).cloned().collect())
}

/// Formats names as a scope.
pub fn text(names: &[String]) -> String {
    names.join(" ")
}

/// Returns [`LEAST`] for an empty scope.
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

    /// RFC 6749 §3.3.
    #[test]
    fn an_empty_request_grants_the_least_and_all_grants_what_is_held() {
        let held: Permissions = ["a.read", "b.read", "c.manage"].into_iter().collect();
        let administrative: Permissions = ["c.manage", "d.manage"].into_iter().collect();
        let granted = |requested: &str| {
            resolve(&names(requested), &held, &administrative).map(|names| text(&names))
        };

        assert_eq!(granted("").as_deref(), Some("profile"));
        assert_eq!(granted("profile a.read").as_deref(), Some("a.read profile"));
        assert_eq!(granted("all").as_deref(), Some("a.read b.read"));
        assert_eq!(
            granted("all c.manage").as_deref(),
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
            assert_eq!(granted(wrong), None, "{wrong}");
        }

        assert_eq!(
            resolve(&names("all"), &Permissions::default(), &administrative),
            Some(names("profile"))
        );
    }

    #[test]
    fn the_scope_of_a_token_is_what_the_session_may_do_now() {
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
