//! Invitations: how people join an organization.
//!
//! Whoever is invited gets a token by mail. It joins the account that has the invited address, or makes one; the mail has
//! proved the address. What the inviter is told never depends on whether the address has an account. An invitation is as
//! good as its inviter: it opens nothing once they are no member any more, or may not hand its role on themselves.

mod accept;
mod create;
mod pending;
mod row;
mod shown;
mod sign_up;

use mainstay_database::{Error, Unscoped};
use mainstay_http::Module;
use mainstay_kernel::EmailAddress;

/// Who is invited by a token, and the name of the organization that they are invited to.
///
/// # Errors
/// The error of the database.
pub(crate) async fn invitation_of(
    unscoped: &Unscoped,
    token: &str,
) -> Result<Option<(EmailAddress, String)>, Error> {
    Ok(pending::find(unscoped, token)
        .await?
        .map(|pending| (pending.email, pending.organization_name)))
}

/// Made, listed and withdrawn by administrators; accepted by whoever has the token.
pub fn module() -> Module {
    Module::new("invitations")
        .keeping(
            "mainstay.invitations",
            "seven days, until it is accepted or withdrawn; deleted within ten minutes of its end",
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
