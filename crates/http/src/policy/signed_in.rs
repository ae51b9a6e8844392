//! The policies for any authenticated caller, and for a person in their own session.

use std::{ops::Deref, sync::Arc};

use mainstay_access::{Credential, Principal};
use mainstay_database::{Database, Origin, Unscoped};

use super::{
    contract::{Caller, PlatformPolicy, Policy, describe_caller},
    denial::record_denial,
};
use crate::{
    FORBIDDEN, Operation, Problem, Request, Requirement,
    credentials::{authenticated, lacks},
};

/// A caller with a valid credential and any role: a person's session, an API key, or a machine.
pub struct SignedIn {
    principal: Arc<Principal>,
    origin: Origin,
    database: Database,
    shows: bool,
}

impl SignedIn {
    /// The caller.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The origin of the request, for the audit log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Bypasses the door, as this caller: see [`Unscoped`].
    pub fn unscoped(&self, why: &'static str) -> Unscoped {
        Unscoped::because(
            why,
            &self.database,
            self.origin.clone(),
            Some(self.principal.clone()),
        )
        .showing(self.shows)
    }
}

impl Policy for SignedIn {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let principal = authenticated(request).await?;

        Ok(Self {
            principal,
            origin: request.origin.clone(),
            database: request.app.database().clone(),
            shows: request.shows(),
        })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::SignedIn;
        describe_caller(operation);
    }
}

impl Caller for SignedIn {
    fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }
}

/// A person in their own session, not an API key, a machine or an application that acts for
/// someone. For operations on the account itself.
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
        match signed_in.principal.credential {
            Credential::Token | Credential::Cookie => Ok(Self(signed_in)),
            Credential::ApiKey | Credential::Client => {
                record_denial(
                    request.app.clone(),
                    request.origin.clone(),
                    signed_in.principal.clone(),
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
        &self.0.principal
    }
}

impl PlatformPolicy for SignedIn {}

impl PlatformPolicy for InPerson {}
