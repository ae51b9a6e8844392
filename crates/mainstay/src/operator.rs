//! The door of an app's own commands.

use std::sync::Arc;

use mainstay_access::{Assurance, Credential, Denied, Permission, Principal, Proof};
use mainstay_database::{Database, Door, Origin};
use mainstay_kernel::{OrganizationId, SessionId, UserId, Uuid};

/// Opens the door for a command that an operator runs on the server itself, to the rows that `user` may reach.
///
/// There is no token to check: who may run commands there may do anything. What it changes stands in the audit log under
/// the command's name and under no account, since nobody signed in for it.
///
/// # Errors
/// [`Denied`] never: the operator is given exactly the permission `P`.
pub fn operator<P: Permission>(
    database: &Database,
    command: &'static str,
    organization: OrganizationId,
    user: UserId,
) -> Result<Door<P>, Denied> {
    let principal = Principal {
        user,
        organization: Some(organization),
        session: SessionId::from(Uuid::nil()),
        credential: Credential::Client,
        role: "operator".to_owned(),
        permissions: [P::NAME].into_iter().collect(),
        assurance: Assurance {
            authenticated_at: database.runtime().clock.now(),
            multi_factor: false,
            second_factor_enrolled: false,
        },
    };

    let request = database.runtime().new_id::<Origin>().uuid();
    let origin = Origin {
        request,
        operation: command,
        address: None,
    };

    Ok(Door::new(
        Proof::check(Arc::new(principal))?,
        origin,
        database.clone(),
    ))
}
