//! The principal: the authenticated caller.

use std::{collections::BTreeSet, fmt};

use mainstay_kernel::{OrganizationId, SessionId, Timestamp, UserId};

use crate::Permission;

/// The authenticated caller. All of it comes from the server's own records, never from what the
/// request claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account, of a person or of a service.
    pub user: UserId,
    /// The organization that it acts in. It cannot see the rows of others. Without one, no
    /// permission is granted.
    pub organization: Option<OrganizationId>,
    /// The session that the credential belongs to, or the API key.
    pub session: SessionId,
    /// The kind of credential.
    pub credential: Credential,
    /// The name of the role in the organization; empty without one.
    pub role: String,
    /// The permissions that the role grants now, limited to the scopes of the credential.
    pub permissions: Permissions,
    /// How and when the person last authenticated.
    pub assurance: Assurance,
}

/// The kind of credential that authenticated the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The access token of a session.
    Token,
    /// The cookie of a session in a browser.
    Cookie,
    /// An API key.
    ApiKey,
    /// The access token of a machine, or of an application that a person authorized.
    Client,
}

/// The strength of a session's authentication (NIST SP 800-63B-4 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assurance {
    /// When the person last authenticated, at sign-in or by a step-up.
    pub authenticated_at: Timestamp,
    /// Whether that included a second factor.
    pub multi_factor: bool,
    /// Whether the account has a second factor.
    pub second_factor_enrolled: bool,
}

impl Principal {
    /// Whether the person authenticated at or after `moment`, with a second factor if the account
    /// has one. Always false for machines and for applications that act for a person.
    pub fn is_fresh_since(&self, moment: Timestamp) -> bool {
        let Assurance {
            authenticated_at,
            multi_factor,
            second_factor_enrolled,
        } = self.assurance;

        matches!(self.credential, Credential::Token | Credential::Cookie)
            && authenticated_at >= moment
            && (multi_factor || !second_factor_enrolled)
    }
}

/// The permissions that a role grants.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    /// Whether `P` is among them.
    pub fn include<P: Permission>(&self) -> bool {
        self.0.contains(P::NAME)
    }

    /// Whether all of `names` are among them. A caller may only grant permissions that they have.
    pub fn cover<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        names.into_iter().all(|name| self.0.contains(name))
    }

    /// The permissions that are also in `names`.
    #[must_use]
    pub fn limited_to<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .filter(|name| self.0.contains(*name))
            .collect()
    }

    /// Their names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for Permissions {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::Runtime;
    use time::Duration;

    use super::*;

    #[test]
    fn freshness_requires_a_person_a_recent_authentication_and_every_factor() {
        let (runtime, now) = (
            Runtime::default(),
            Timestamp::UNIX_EPOCH + Duration::days(1),
        );
        let assurance = Assurance {
            authenticated_at: now,
            multi_factor: false,
            second_factor_enrolled: false,
        };

        let principal = Principal {
            user: runtime.new_id(),
            organization: None,
            session: runtime.new_id(),
            credential: Credential::Token,
            role: String::new(),
            permissions: Permissions::default(),
            assurance,
        };

        assert!(principal.is_fresh_since(now));
        assert!(!principal.is_fresh_since(now + Duration::SECOND));

        let enrolled = Assurance {
            second_factor_enrolled: true,
            ..assurance
        };
        assert!(
            !Principal {
                assurance: enrolled,
                ..principal.clone()
            }
            .is_fresh_since(now)
        );

        let used = Assurance {
            multi_factor: true,
            ..enrolled
        };
        assert!(
            Principal {
                assurance: used,
                ..principal.clone()
            }
            .is_fresh_since(now)
        );

        for credential in [Credential::ApiKey, Credential::Client] {
            assert!(
                !Principal {
                    credential,
                    ..principal.clone()
                }
                .is_fresh_since(now)
            );
        }
    }

    #[test]
    fn a_scope_narrows_and_never_widens() {
        let role: Permissions = ["a.read", "a.write"].into_iter().collect();
        let narrowed = role.limited_to(["a.read", "b.read"]);
        assert_eq!(narrowed.names().collect::<Vec<_>>(), ["a.read"]);
        assert!(role.cover(["a.read", "a.write"]) && !role.cover(["a.read", "b.read"]));
    }
}
