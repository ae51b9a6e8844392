use std::{collections::BTreeSet, fmt};

use mainstay_kernel::{OrganizationId, SessionId, UserId};

use crate::Permission;

/// Who is asking, as the server knows it: never what the request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user: UserId,
    /// The organization that the session works in; rows of others do not exist for it.
    pub organization: OrganizationId,
    /// The session that the credential belongs to.
    pub session: SessionId,
    /// The role's name within the organization.
    pub role: String,
    /// What the role grants at present.
    pub permissions: Permissions,
}

/// The permissions that a role grants.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    /// Whether `P` is among them.
    pub fn include<P: Permission>(&self) -> bool {
        self.0.contains(P::NAME)
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
