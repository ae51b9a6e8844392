//! The policies for any authenticated caller, and for a person in their own session.

use std::{ops::Deref, sync::Arc};

use mainstay_access::{Credential, Principal};
use mainstay_database::{Origin, PersonDoor};

use super::{
    contract::{Caller, PlatformPolicy, Policy, describe_caller},
    denial::record_denial,
};
use crate::{
    FORBIDDEN, Operation, Problem, Request, Requirement,
    credentials::{authenticated, lacks},
};

/// A caller with a valid credential and any role: a person's session, an API key, or a machine.
/// Dereferences to the [`PersonDoor`], the handle for access to the rows of the caller's own account.
pub struct SignedIn {
    door: PersonDoor,
    origin: Origin,
}

impl Deref for SignedIn {
    type Target = PersonDoor;

    fn deref(&self) -> &PersonDoor {
        &self.door
    }
}

impl SignedIn {
    /// The caller.
    pub fn principal(&self) -> &Arc<Principal> {
        self.door.principal()
    }

    /// The origin of the request, for the audit log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Policy for SignedIn {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let principal = authenticated(request).await?;
        let door = PersonDoor::own(
            principal,
            request.origin.clone(),
            request.app.database().clone(),
        );

        Ok(Self {
            door: door.showing(request.shows()),
            origin: request.origin.clone(),
        })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::SignedIn;
        describe_caller(operation);
    }
}

impl Caller for SignedIn {
    fn principal(&self) -> &Arc<Principal> {
        self.door.principal()
    }
}

/// A person in their own session, not an API key, a machine or an application that acts for
/// someone. For operations on the account itself, and on rows that no machine may read for it.
pub struct InPerson(SignedIn);

impl Deref for InPerson {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

impl Policy for InPerson {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let signed_in = SignedIn::admit(request).await?;
        match signed_in.principal().credential {
            Credential::Token | Credential::Cookie => Ok(Self(signed_in)),
            Credential::ApiKey | Credential::Client => {
                record_denial(
                    request.app.clone(),
                    request.origin.clone(),
                    signed_in.principal().clone(),
                )
                .await;
                let problem = FORBIDDEN
                    .problem()
                    .detail("Only the person may do this. Sign in with a session.");
                Err(lacks(request, problem, None))
            }
        }
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::InPerson;
        describe_caller(operation);
        operation.answers(&[FORBIDDEN]);
    }
}

impl Caller for InPerson {
    fn principal(&self) -> &Arc<Principal> {
        self.0.principal()
    }
}

impl PlatformPolicy for SignedIn {}

impl PlatformPolicy for InPerson {}
