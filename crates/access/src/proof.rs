//! The proof that a principal has a permission.

use std::{fmt, marker::PhantomData, sync::Arc};

use mainstay_kernel::OrganizationId;

use crate::{Permission, Principal};

/// Proof that a principal has the permission `P` in an organization. Only [`Proof::check`] creates
/// one.
pub struct Proof<P> {
    principal: Arc<Principal>,
    organization: OrganizationId,
    permission: PhantomData<fn() -> P>,
}

/// The principal lacks a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The missing permission.
    pub permission: &'static str,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the role does not grant {}", self.permission)
    }
}

impl std::error::Error for Denied {}

impl<P: Permission> Proof<P> {
    /// Checks that `principal` has `P`.
    ///
    /// # Errors
    /// [`Denied`] if its role does not grant it, or it acts in no organization.
    pub fn check(principal: Arc<Principal>) -> Result<Self, Denied> {
        match principal.organization {
            Some(organization) if principal.permissions.include::<P>() => Ok(Self {
                principal,
                organization,
                permission: PhantomData,
            }),
            _ => Err(Denied {
                permission: P::NAME,
            }),
        }
    }
}

impl<P> Clone for Proof<P> {
    fn clone(&self) -> Self {
        Self {
            principal: self.principal.clone(),
            organization: self.organization,
            permission: PhantomData,
        }
    }
}

impl<P> Proof<P> {
    /// The principal that has the permission.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The organization in which it has the permission.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::{Runtime, Timestamp};

    use super::*;
    use crate::{Assurance, Credential, Permissions};

    crate::permission! {
        /// See ducks.
        DucksRead = "ducks.read", for [Owner];
        /// Change ducks.
        DucksWrite = "ducks.write", for [Owner];
    }

    fn principal(permissions: &[&str]) -> Arc<Principal> {
        let runtime = Runtime::default();
        Arc::new(Principal {
            user: runtime.new_id(),
            organization: Some(runtime.new_id()),
            session: runtime.new_id(),
            credential: Credential::Token,
            role: "owner".to_owned(),
            permissions: permissions.iter().copied().collect::<Permissions>(),
            assurance: Assurance {
                authenticated_at: Timestamp::UNIX_EPOCH,
                multi_factor: false,
                second_factor_enrolled: false,
            },
        })
    }

    #[test]
    fn a_role_grants_what_it_lists_and_nothing_else() {
        let reader = principal(&["ducks.read"]);
        assert!(Proof::<DucksRead>::check(reader.clone()).is_ok());
        assert_eq!(
            Proof::<DucksWrite>::check(reader).err(),
            Some(Denied {
                permission: "ducks.write"
            })
        );
    }

    #[test]
    fn without_an_organization_nothing_is_permitted() {
        let reader = principal(&["ducks.read"]);
        let nowhere = Principal {
            organization: None,
            ..(*reader).clone()
        };
        assert!(Proof::<DucksRead>::check(Arc::new(nowhere)).is_err());
    }

    #[test]
    fn a_similar_name_grants_nothing() {
        assert!(
            Proof::<DucksWrite>::check(principal(&[
                "ducks",
                "ducks.*",
                "ducks.write.all",
                "DUCKS.WRITE"
            ]))
            .is_err()
        );
    }
}
