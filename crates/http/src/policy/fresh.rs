//! The policy for sensitive operations, which require a recent authentication.

use std::{ops::Deref, sync::Arc};

use mainstay_access::Principal;
use time::Duration;

use super::{
    contract::{Caller, PlatformPolicy, Policy},
    denial::record_denial,
};
use crate::{Operation, Problem, Request, STEP_UP_REQUIRED};

/// The maximum age of an authentication for sensitive operations.
const FRESH_FOR: Duration = Duration::minutes(10);

/// The challenge of RFC 9470 §3.
const CHALLENGE: &str = r#"Bearer error="insufficient_user_authentication", max_age="600""#;

/// A policy for sensitive operations: in addition to `P`, the person has authenticated within the
/// last ten minutes, with a second factor if the account has one. Other callers must
/// re-authenticate first (OWASP ASVS 7.5.1, 7.5.3).
pub struct Fresh<P>(P);

impl<P> Deref for Fresh<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

impl<P: Caller> Fresh<P> {
    /// Checks the freshness of a caller that `policy` has admitted.
    pub(super) async fn of(policy: P, request: &mut Request) -> Result<Self, Problem> {
        let since = request.app.database().runtime().clock.now() - FRESH_FOR;
        if policy.principal().is_fresh_since(since) {
            Ok(Self(policy))
        } else {
            record_denial(
                request.app.clone(),
                request.origin.clone(),
                policy.principal().clone(),
            )
            .await;
            Err(STEP_UP_REQUIRED.problem().challenge(CHALLENGE))
        }
    }

    /// The inner policy.
    pub(super) fn into_inner(self) -> P {
        self.0
    }
}

impl<P: Caller> Policy for Fresh<P> {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let policy = P::admit(request).await?;
        Self::of(policy, request).await
    }

    fn describe(operation: &mut Operation<'_>) {
        P::describe(operation);
        operation.fresh = true;
        operation.answers(&[STEP_UP_REQUIRED]);
    }
}

impl<P: Caller> Caller for Fresh<P> {
    fn principal(&self) -> &Arc<Principal> {
        self.0.principal()
    }
}

impl<P: PlatformPolicy> PlatformPolicy for Fresh<P> {}
