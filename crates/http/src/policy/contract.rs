//! The traits of policies.

use std::sync::Arc;

use http::Method;
use mainstay_access::Principal;

use crate::{CROSS_SITE, Operation, Problem, Request, UNAUTHENTICATED};

/// The first argument of an endpoint: what it requires of its caller. The policies are
/// [`Allowed`](crate::Allowed), [`SignedIn`](crate::SignedIn), [`InPerson`](crate::InPerson) and
/// [`Public`](crate::Public), and [`Fresh`](crate::Fresh) or
/// [`FreshOrScoped`](crate::FreshOrScoped) around one of them. Only the check creates a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "the first argument of an endpoint is its policy",
    note = "write `by: Allowed<SomePermission>`, `by: SignedIn` or `by: Public`"
)]
pub trait Policy: PlatformPolicy + Sized + Send {
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

/// Implemented only for the policies of this crate.
pub trait PlatformPolicy {}

/// Adds the problems of every operation with an authenticated caller.
pub(super) fn describe_caller(operation: &mut Operation<'_>) {
    operation.answers(&[UNAUTHENTICATED]);
    if operation.method != Method::GET {
        operation.answers(&[CROSS_SITE]);
    }
}
