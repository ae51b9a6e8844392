//! The policy of public endpoints.

use std::ops::Deref;

use mainstay_database::{Origin, PublicDoor};

use super::contract::{PlatformPolicy, Policy};
use crate::{Operation, PUBLIC_BODY_LIMIT, Problem, Request, Requirement};

/// Anyone, also without a credential. Dereferences to the [`PublicDoor`], which reads the public part
/// of entities.
pub struct Public {
    door: PublicDoor,
    origin: Origin,
}

impl Deref for Public {
    type Target = PublicDoor;

    fn deref(&self) -> &PublicDoor {
        &self.door
    }
}

impl Public {
    /// The origin of the request, for the audit log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Policy for Public {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        Ok(Self {
            door: PublicDoor::public(request.origin.clone(), request.app.database()),
            origin: request.origin.clone(),
        })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.requirement = Requirement::Public;
        operation.body_limit.get_or_insert(PUBLIC_BODY_LIMIT);
    }
}

impl PlatformPolicy for Public {}
