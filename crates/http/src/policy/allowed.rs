use std::{ops::Deref, sync::Arc};

use http::Method;
use mainstay_access::{Denied, Permission, Principal, Proof};
use mainstay_database::Door;

use super::{Caller, Policy, describe_caller, record_denial, write_denial};
use crate::{
    CONFLICT, FORBIDDEN, Operation, Problem, Request, Requirement,
    credentials::{authenticated, lacks},
};

/// The caller's role grants `P`. It opens the [`Door`] to the organization's rows.
pub struct Allowed<P>(Door<P>);

impl<P> Deref for Allowed<P> {
    type Target = Door<P>;

    fn deref(&self) -> &Door<P> {
        &self.0
    }
}

impl<P: Permission> Allowed<P> {
    /// Proves that the caller also holds `Q`: for what only some requests of an operation need. Say so in the operation's
    /// description; the access matrix shows `P` alone.
    ///
    /// # Errors
    /// [`FORBIDDEN`], and a denial on record, when the role does not grant it.
    pub async fn require<Q: Permission>(&self) -> Result<Proof<Q>, Problem> {
        match self.0.prove() {
            Ok(proof) => Ok(proof),
            Err(denied) => {
                let log = self
                    .0
                    .unscoped("a denial is recorded beside what was asked for");
                write_denial(&log, self.0.principal()).await;
                Err(forbidden(denied))
            }
        }
    }
}

impl<P: Permission> Policy for Allowed<P> {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let principal = authenticated(request).await?;
        match Proof::check(principal.clone()) {
            Ok(proof) => {
                let door = Door::new(
                    proof,
                    request.origin.clone(),
                    request.app.database().clone(),
                );
                Ok(Self(door.showing(request.shows())))
            }
            Err(denied) => {
                record_denial(request.app.clone(), request.origin.clone(), principal).await;
                Err(lacks(request, forbidden(denied), Some(denied.permission)))
            }
        }
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::Permission(P::DECLARED);
        describe_caller(operation);
        operation.answers(&[FORBIDDEN]);
        // Whatever an operation writes, a constraint of the schema may refuse.
        if operation.method != Method::GET {
            operation.answers(&[CONFLICT]);
        }
    }
}

impl<P: Permission> Caller for Allowed<P> {
    fn principal(&self) -> &Arc<Principal> {
        self.0.principal()
    }
}

fn forbidden(denied: Denied) -> Problem {
    FORBIDDEN
        .problem()
        .detail(format!("Your role does not grant {}.", denied.permission))
        .caused_by(format!("lacks {}", denied.permission))
}
