//! The policy of public endpoints.

use mainstay_database::{Database, Origin, Unscoped};

use super::contract::{PlatformPolicy, Policy};
use crate::{Operation, PUBLIC_BODY_LIMIT, Problem, Request, Requirement};

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

impl PlatformPolicy for Public {}
