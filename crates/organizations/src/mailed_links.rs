//! Inspects a mailed link before it is used. The page behind the link shows the right form, or none
//! if the link is invalid, and can tell a password manager for which account a password is chosen.

use mainstay_accounts::{
    Accounts,
    account::{email_confirmation::is_email_change, sign_up::sign_up_address},
    passwords::reset::reset_of,
    problems::INVALID_TOKEN,
    throttle::{
        TOO_MANY_ATTEMPTS,
        requests::{MAILED_LINKS, admit_request},
    },
};
use mainstay_database::Sql;
use mainstay_http::{Json, Module, Problem, Public, Shared, choice, input, post, view};
use mainstay_kernel::EmailAddress;

use crate::{invitations, unlimited::BY_TOKEN};

/// The inspection of mailed links.
pub fn module() -> Module {
    Module::new("mailed links").endpoints((inspect_mailed_link,))
}

/// A mailed link.
#[input]
pub(super) struct InspectMailedLink {
    /// The token in the link.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
}

/// The purpose of a mailed link.
#[view]
pub(super) struct MailedLinkView {
    /// What the link does.
    purpose: LinkPurpose,
    /// The e-mail address that the link was sent to; null for a change of address, which both
    /// addresses confirm.
    email: Option<String>,
    /// The name of the organization that the person is invited to; null for other purposes.
    organization: Option<String>,
    /// Whether the account has a second factor. If so, a shorter password is accepted.
    second_factor: bool,
}

/// What a mailed link does.
#[choice]
pub(super) enum LinkPurpose {
    /// Completes a sign-up.
    SignUp,
    /// Sets a new password.
    PasswordReset,
    /// Confirms a change of the e-mail address.
    EmailChange,
    /// Accepts an invitation to an organization.
    Invitation,
}

/// Inspect a mailed link before it is used.
///
/// The link stays valid. A link that was used, has expired or was never sent is refused; the
/// response does not distinguish these cases.
#[post(
    "/v1/mailed-links/inspection",
    problems(INVALID_TOKEN, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn inspect_mailed_link(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<InspectMailedLink>,
) -> Result<Json<MailedLinkView>, Problem> {
    let sql = by.unlimited(BY_TOKEN);
    admit_request(&sql, MAILED_LINKS, by.origin().address).await?;

    let found = find(&sql, &accounts, &body.token).await?;
    found.map(Json).ok_or_else(|| INVALID_TOKEN.problem())
}

/// Finds what a token is for, by its prefix.
async fn find(
    sql: &Sql,
    accounts: &Accounts,
    token: &str,
) -> Result<Option<MailedLinkView>, Problem> {
    Ok(match token.split('_').next() {
        Some("msu") => {
            let email = sign_up_address(sql, accounts, token).await?;
            email.map(|email| MailedLinkView::to(LinkPurpose::SignUp, email))
        }
        Some("mpr") => {
            let reset = reset_of(sql, accounts, token).await?;
            reset.map(|(email, second_factor)| MailedLinkView {
                second_factor,
                ..MailedLinkView::to(LinkPurpose::PasswordReset, email)
            })
        }
        Some("mec") => is_email_change(sql, accounts, token)
            .await?
            .then_some(MailedLinkView {
                purpose: LinkPurpose::EmailChange,
                email: None,
                organization: None,
                second_factor: false,
            }),
        Some("min") => {
            let invitation = invitations::invitation_of(sql, token).await?;
            invitation.map(|(email, organization)| MailedLinkView {
                organization: Some(organization),
                ..MailedLinkView::to(LinkPurpose::Invitation, email)
            })
        }
        _ => None,
    })
}

impl MailedLinkView {
    fn to(purpose: LinkPurpose, email: EmailAddress) -> Self {
        Self {
            purpose,
            email: Some(email.as_str().to_owned()),
            organization: None,
            second_factor: false,
        }
    }
}
