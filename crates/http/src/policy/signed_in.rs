use std::{ops::Deref, sync::Arc};

use mainstay_access::{Credential, Principal};
use mainstay_database::{Database, Origin, Unscoped};

use super::{Caller, Policy, describe_caller, record_denial};
use crate::{
    FORBIDDEN, Operation, Problem, Request, Requirement,
    credentials::{authenticated, lacks},
};

/// Anybody with a valid credential, whatever the role: a person in a session, an API key, a machine.
pub struct SignedIn {
    principal: Arc<Principal>,
    origin: Origin,
    database: Database,
    shows: bool,
}

impl SignedIn {
    /// Who is asking.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// Where the request comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Goes around the door, as this caller: see [`Unscoped`].
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
        let (origin, database) = (request.origin.clone(), request.app.database().clone());
        Ok(Self {
            principal,
            origin,
            database,
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

/// A person in a session of their own: no API key, no machine, no application that acts for somebody. For what belongs
/// to the account itself.
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
                    .detail("This is for the person themselves: sign in with a session.");
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
