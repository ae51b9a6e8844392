//! Invitations: how people join an organization.
//!
//! The invited person receives a token by e-mail. With it, the account that has the invited address
//! joins the organization, or a new account is created; the e-mail has proved the address.
//! Responses to the inviter never reveal whether the address has an account. An invitation depends
//! on its inviter: it is invalid once the inviter is no longer a member, or may no longer assign
//! its role.

mod accept;
mod create;
mod pending;
mod row;
mod shown;
mod sign_up;

use mainstay_database::{Error, Sql};
use mainstay_http::Module;
use mainstay_kernel::EmailAddress;

/// Returns the invited address of a token, and the name of the organization.
///
/// # Errors
/// The error of the database.
pub(crate) async fn invitation_of(
    sql: &Sql,
    token: &str,
) -> Result<Option<(EmailAddress, String)>, Error> {
    Ok(pending::find(sql, token)
        .await?
        .map(|pending| (pending.email, pending.organization_name)))
}

/// Administrators create, list and withdraw invitations. The holder of the token accepts one.
pub fn module() -> Module {
    Module::new("invitations")
        .keeping(
            "mainstay.invitations",
            "up to seven days, until accepted or withdrawn; deleted within ten minutes of the end",
        )
        .table(row::table())
        .endpoints((
            shown::list_invitations,
            create::create_invitation,
            shown::get_invitation,
            shown::delete_invitation,
            accept::accept_invitation,
            sign_up::sign_up_by_invitation,
        ))
}
