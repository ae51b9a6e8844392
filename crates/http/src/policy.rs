use std::{ops::Deref, sync::Arc};

use http::{Method, header};
use mainstay_access::{Permission, Principal, Proof};
use mainstay_database::{Database, Door, Event, Origin, Unscoped};

use crate::{App, CONFLICT, FORBIDDEN, Operation, Problem, Refusal, Request, Requirement, UNAUTHENTICATED};

/// What an endpoint demands of its caller: its first argument. [`Allowed`], [`SignedIn`] and [`Public`] are all there
/// are, and only the check makes a value of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "the first argument of an endpoint is its policy",
    note = "write `by: Allowed<SomePermission>`, `by: SignedIn` or `by: Public`"
)]
pub trait Policy: sealed::Sealed + Sized + Send {
    /// Checks the caller. Decided from the request's head, before its body is read.
    fn admit(request: &mut Request) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// Tells the document.
    fn describe(operation: &mut Operation<'_>);
}

/// The caller's role grants `P`. It opens the [`Door`] to the organization's rows.
pub struct Allowed<P>(Door<P>);

impl<P> Deref for Allowed<P> {
    type Target = Door<P>;

    fn deref(&self) -> &Door<P> {
        &self.0
    }
}

impl<P: Permission> Policy for Allowed<P> {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let principal = authenticated(request).await?;
        match Proof::check(principal.clone()) {
            Ok(proof) => Ok(Self(Door::new(proof, request.origin.clone(), request.app.database().clone()))),
            Err(denied) => {
                record_denial(request.app.clone(), request.origin.clone(), principal).await;
                Err(FORBIDDEN
                    .problem()
                    .detail(format!("Your role does not grant {}.", denied.permission))
                    .caused_by(format!("lacks {}", denied.permission)))
            }
        }
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::Permission(P::DECLARED);
        operation.answers(&[UNAUTHENTICATED, FORBIDDEN]);
        // Whatever an operation writes, a constraint of the schema may refuse.
        if operation.method != Method::GET {
            operation.answers(&[CONFLICT]);
        }
    }
}

/// Anybody with a valid session, whatever the role.
pub struct SignedIn {
    principal: Arc<Principal>,
    origin: Origin,
    database: Database,
}

impl SignedIn {
    /// Who is asking.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// Goes around the door, as this caller: see [`Unscoped`].
    pub fn unscoped(&self, why: &'static str) -> Unscoped {
        Unscoped::because(why, &self.database, self.origin.clone(), Some(self.principal.clone()))
    }
}

impl Policy for SignedIn {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let principal = authenticated(request).await?;
        Ok(Self { principal, origin: request.origin.clone(), database: request.app.database().clone() })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::SignedIn;
        operation.answers(&[UNAUTHENTICATED]);
    }
}

/// Anybody at all.
pub struct Public {
    origin: Origin,
    database: Database,
}

impl Public {
    /// Goes around the door, as nobody: see [`Unscoped`].
    pub fn unscoped(&self, why: &'static str) -> Unscoped {
        Unscoped::because(why, &self.database, self.origin.clone(), None)
    }
}

impl Policy for Public {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        Ok(Self { origin: request.origin.clone(), database: request.app.database().clone() })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::Public;
    }
}

/// Who the bearer token of a request belongs to (RFC 6750 §2.1).
async fn authenticated(request: &mut Request) -> Result<Arc<Principal>, Problem> {
    let token = request.header(&header::AUTHORIZATION).and_then(bearer).ok_or_else(|| UNAUTHENTICATED.problem())?;
    match request.app.authenticator().authenticate(token).await {
        Ok(principal) => {
            request.principal = Some(principal.clone());
            Ok(principal)
        }
        Err(Refusal::Invalid(reason)) => Err(UNAUTHENTICATED.problem().caused_by(reason)),
        Err(Refusal::Database(error)) => Err(error.into()),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A denial is an event of its own (OWASP logging vocabulary: `authz_fail`). A log that cannot be written does not turn
/// a denial into anything else.
async fn record_denial(app: App, origin: Origin, principal: Arc<Principal>) {
    let event = Event {
        action: "authz_fail".to_owned(),
        resource: "operation",
        resource_id: None,
        organization: Some(principal.organization),
    };
    let why = "a denial has no permission to open the door with";
    let log = Unscoped::because(why, app.database(), origin, Some(principal));
    if let Err(error) = log.record(event).await {
        tracing::error!(%error, cause = error.cause(), "a denial could not be recorded");
    }
}

mod sealed {
    pub trait Sealed {}
    impl<P> Sealed for super::Allowed<P> {}
    impl Sealed for super::SignedIn {}
    impl Sealed for super::Public {}
}
