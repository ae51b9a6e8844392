//! Policies: what an endpoint requires of its caller.

mod allowed;
mod fresh;
mod fresh_or_scoped;
mod signed_in;

use http::Method;
use mainstay_access::Principal;
use mainstay_database::{Database, Event, Origin, Unscoped};

pub use allowed::Allowed;
pub use fresh::Fresh;
pub use fresh_or_scoped::FreshOrScoped;
pub use signed_in::{InPerson, SignedIn};

use std::sync::Arc;

use crate::{
    App, CROSS_SITE, Operation, PUBLIC_BODY_LIMIT, Problem, Request, Requirement, UNAUTHENTICATED,
};

/// The first argument of an endpoint: what it requires of its caller. The policies are [`Allowed`], [`SignedIn`],
/// [`InPerson`] and [`Public`], and [`Fresh`] or [`FreshOrScoped`] around one of them. Only the check creates a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "the first argument of an endpoint is its policy",
    note = "write `by: Allowed<SomePermission>`, `by: SignedIn` or `by: Public`"
)]
pub trait Policy: sealed::Sealed + Sized + Send {
    /// Checks the caller, before the body of the request is read.
    fn admit(request: &mut Request) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// Describes the policy in the API document.
    fn describe(operation: &mut Operation<'_>);
}

/// A policy with an authenticated caller.
pub trait Caller: Policy {
    /// The caller.
    fn principal(&self) -> &Arc<Principal>;
}

/// Anyone, also without a credential.
pub struct Public {
    origin: Origin,
    database: Database,
}

impl Public {
    /// Bypasses the door, without a principal: see [`Unscoped`].
    pub fn unscoped(&self, why: &'static str) -> Unscoped {
        Unscoped::because(
            why,
            &self.database.for_strangers(),
            self.origin.clone(),
            None,
        )
    }

    /// The origin of the request, for the audit log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Policy for Public {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        Ok(Self {
            origin: request.origin.clone(),
            database: request.app.database().clone(),
        })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::Public;
        operation.body_limit.get_or_insert(PUBLIC_BODY_LIMIT);
    }
}

/// Adds the problems of every operation with an authenticated caller.
fn describe_caller(operation: &mut Operation<'_>) {
    operation.answers(&[UNAUTHENTICATED]);
    if operation.method != Method::GET {
        operation.answers(&[CROSS_SITE]);
    }
}

/// Records a denial as an audit event (`authz_fail` of the OWASP logging vocabulary). If recording fails, the request
/// is still denied.
async fn record_denial(app: App, origin: Origin, principal: Arc<Principal>) {
    let why = "a denied caller has no permission to open the door with";
    let log = Unscoped::because(why, app.database(), origin, Some(principal.clone()));

    write_denial(&log, &principal).await;
}

async fn write_denial(log: &Unscoped, principal: &Principal) {
    let event = Event {
        action: "authz_fail".to_owned(),
        resource: "operation",
        resource_id: None,
        organization: principal.organization,
    };
    if let Err(error) = log.record(event).await {
        tracing::error!(%error, cause = error.cause(), "recording a denial failed");
    }
}

mod sealed {
    pub trait Sealed {}
    impl<P> Sealed for super::Allowed<P> {}
    impl<P: Sealed> Sealed for super::Fresh<P> {}
    impl<P> Sealed for super::FreshOrScoped<P> {}
    impl Sealed for super::SignedIn {}
    impl Sealed for super::InPerson {}
    impl Sealed for super::Public {}
}
