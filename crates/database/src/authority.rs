//! What opens a door: a permission, the caller's own account, or nothing.

use std::sync::Arc;

use mainstay_access::{Permission, Principal, Proof};
use mainstay_kernel::{OrganizationId, Uuid};

use crate::OwnerKind;

/// What opens a [`Door`](crate::Door): a [`Permission`], [`Person`] or [`Anyone`].
pub trait Authority: 'static {
    /// What the door holds.
    #[doc(hidden)]
    type Held: Clone + Send + Sync + 'static;

    /// The caller, if there is one.
    #[doc(hidden)]
    fn caller(held: &Self::Held) -> Option<&Arc<Principal>>;

    /// The organization whose audit log has the records of the door: none for rows of a person, so
    /// that no employer reads what a person keeps for themselves.
    #[doc(hidden)]
    fn organization(held: &Self::Held) -> Option<OrganizationId>;

    /// The owner of the rows that the door reaches, but for those of the platform: the organization
    /// or the account.
    #[doc(hidden)]
    fn owner(held: &Self::Held) -> Uuid;
}

/// An authority with an authenticated caller.
pub trait Authenticated: Authority {
    /// Whose rows the door reaches, but for those of the platform.
    #[doc(hidden)]
    const KIND: OwnerKind;

    /// The caller.
    #[doc(hidden)]
    fn principal(held: &Self::Held) -> &Arc<Principal>;
}

/// The caller's own account opens the door: it reaches the rows of the account.
pub enum Person {}

/// Nothing opens the door: it reaches what is public.
pub enum Anyone {}

impl<P: Permission> Authority for P {
    type Held = Proof<P>;

    fn caller(held: &Proof<P>) -> Option<&Arc<Principal>> {
        Some(held.principal())
    }

    fn organization(held: &Proof<P>) -> Option<OrganizationId> {
        Some(held.organization())
    }

    fn owner(held: &Proof<P>) -> Uuid {
        held.organization().uuid()
    }
}

impl Authority for Person {
    type Held = Arc<Principal>;

    fn caller(held: &Arc<Principal>) -> Option<&Arc<Principal>> {
        Some(held)
    }

    fn organization(_: &Arc<Principal>) -> Option<OrganizationId> {
        None
    }

    fn owner(held: &Arc<Principal>) -> Uuid {
        held.user.uuid()
    }
}

impl Authority for Anyone {
    type Held = ();

    fn caller((): &()) -> Option<&Arc<Principal>> {
        None
    }

    fn organization((): &()) -> Option<OrganizationId> {
        None
    }

    fn owner((): &()) -> Uuid {
        Uuid::nil()
    }
}

impl<P: Permission> Authenticated for P {
    const KIND: OwnerKind = OwnerKind::Organization;

    fn principal(held: &Proof<P>) -> &Arc<Principal> {
        held.principal()
    }
}

impl Authenticated for Person {
    const KIND: OwnerKind = OwnerKind::Person;

    fn principal(held: &Arc<Principal>) -> &Arc<Principal> {
        held
    }
}
