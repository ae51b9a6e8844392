//! The door for an app's own commands.

use std::sync::Arc;

use mainstay_access::{Assurance, Credential, Denied, Permission, Principal, Proof};
use mainstay_database::{Database, Door, Origin};
use mainstay_kernel::{OrganizationId, SessionId, UserId, Uuid};

/// Opens a [`Door`], the data access handle, for an operator's command on the server. It reaches
/// the rows that `user` may access.
///
/// No token is checked, because anyone who can run commands on the server can do anything. The
/// audit log records changes under the command's name and without an account, because no one signed
/// in.
///
/// # Errors
/// Never [`Denied`] in practice: the operator has exactly the permission `P`.
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
