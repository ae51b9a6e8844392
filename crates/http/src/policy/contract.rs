//! What a policy is, and what those that know their caller have in common.

use std::sync::Arc;

use http::Method;
use mainstay_access::Principal;

use crate::{CROSS_SITE, Operation, Problem, Request, UNAUTHENTICATED};

/// What an endpoint demands of its caller: its first argument. [`Allowed`](crate::Allowed), [`SignedIn`](crate::SignedIn), [`InPerson`](crate::InPerson) and [`Public`](crate::Public) are
/// all there are, and [`Fresh`](crate::Fresh) or [`FreshOrScoped`](crate::FreshOrScoped) around one of them; only the check makes a value of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "the first argument of an endpoint is its policy",
    note = "write `by: Allowed<SomePermission>`, `by: SignedIn` or `by: Public`"
)]
pub trait Policy: PlatformPolicy + Sized + Send {
    /// Checks the caller, before the body of the request is read.
    fn admit(request: &mut Request) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// Describes the input in the API document.
    fn describe(operation: &mut Operation<'_>);
}

/// A policy with an authenticated caller.
pub trait Caller: Policy {
    /// The caller.
    fn principal(&self) -> &Arc<Principal>;
}

/// Implemented for the policies of this crate alone.
pub trait PlatformPolicy {}

/// Adds the problems of every operation with an authenticated caller.
pub(super) fn describe_caller(operation: &mut Operation<'_>) {
    operation.answers(&[UNAUTHENTICATED]);
    if operation.method != Method::GET {
        operation.answers(&[CROSS_SITE]);
    }
}
