//! The policy of endpoints that require a permission.

use std::{ops::Deref, sync::Arc};

use http::Method;
use mainstay_access::{Denied, Permission, Principal, Proof};
use mainstay_database::Door;

use super::{
    contract::{Caller, PlatformPolicy, Policy, describe_caller},
    denial::{record_denial, write_denial},
};
use crate::{
    CONFLICT, FORBIDDEN, Operation, Problem, Request, Requirement,
    credentials::{authenticated, lacks},
};

/// A caller whose role grants `P`. Dereferences to the [`Door`], the handle for access to the
/// organization's rows.
pub struct Allowed<P: Permission>(Door<P>);

impl<P: Permission> Deref for Allowed<P> {
    type Target = Door<P>;

    fn deref(&self) -> &Door<P> {
        &self.0
    }
}

impl<P: Permission> Allowed<P> {
    /// Proves that the caller also has `Q`, for operations where only some requests need it.
    /// Mention it in the operation's description, because the access matrix shows only `P`.
    ///
    /// # Errors
    /// [`FORBIDDEN`] if the role does not grant it. The denial is recorded.
    pub async fn require<Q: Permission>(&self) -> Result<Proof<Q>, Problem> {
        match self.0.prove() {
            Ok(proof) => Ok(proof),
            Err(denied) => {
                write_denial(&self.0.sql(), self.0.principal()).await;

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
        // Any write may violate a constraint of the schema.
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

impl<P: Permission> PlatformPolicy for Allowed<P> {}
