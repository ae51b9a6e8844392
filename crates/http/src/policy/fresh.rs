use std::{ops::Deref, sync::Arc};

use mainstay_access::Principal;
use time::Duration;

use super::{Caller, Policy, record_denial};
use crate::{Operation, Problem, Request, STEP_UP_REQUIRED};

/// How long ago a person may have proved who it is, for what is sensitive.
const FRESH_FOR: Duration = Duration::minutes(10);

/// The challenge of RFC 9470 §3.
const CHALLENGE: &str = r#"Bearer error="insufficient_user_authentication", max_age="600""#;

/// A policy for what is sensitive: beyond `P`, the person has proved who it is within the last ten minutes, by a second
/// factor too where the account has one. Whoever has not is sent to step up first (OWASP ASVS 7.5.1, 7.5.3).
pub struct Fresh<P>(P);

impl<P> Deref for Fresh<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

impl<P: Caller> Fresh<P> {
    /// Checks freshness of a caller whom `policy` has admitted.
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

    /// The policy within.
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
