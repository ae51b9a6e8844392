//! What a mailed link is good for, before anybody types or clicks: the page that it leads to shows no form that cannot
//! work, and tells a password manager whose password is chosen.

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
use mainstay_database::Unscoped;
use mainstay_http::{Json, Module, Problem, Public, Shared, choice, input, post, view};
use mainstay_kernel::EmailAddress;

use crate::invitations;

/// Looking at a link.
pub fn module() -> Module {
    Module::new("mailed links").endpoints((inspect_mailed_link,))
}

/// A mailed link.
#[input]
pub(super) struct InspectMailedLink {
    /// The token of the link.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
}

/// What a mailed link is good for.
#[view]
pub(super) struct MailedLinkView {
    /// What it does.
    purpose: LinkPurpose,
    /// The address that it was mailed to; null for a change of address, which two addresses confirm.
    email: Option<String>,
    /// The organization that an invitation leads to; null elsewhere.
    organization: Option<String>,
    /// Whether the account has a second factor, beside which a password may be shorter.
    second_factor: bool,
}

/// What a mailed link does.
#[choice]
pub(super) enum LinkPurpose {
    /// It finishes a sign-up.
    SignUp,
    /// It sets a new password.
    PasswordReset,
    /// It confirms a change of address.
    EmailChange,
    /// It lets somebody join an organization.
    Invitation,
}

/// Look at a mailed link before it is used.
///
/// Nothing is used up. A link that was used, has expired or was never mailed is refused; these cannot be told apart.
#[post(
    "/v1/mailed-links/inspection",
    problems(INVALID_TOKEN, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn inspect_mailed_link(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<InspectMailedLink>,
) -> Result<Json<MailedLinkView>, Problem> {
    let unscoped = by.unscoped("nobody need be signed in; the token names what it is for");
    admit_request(&unscoped, MAILED_LINKS, by.origin().address).await?;

    let found = find(&unscoped, &accounts, &body.token).await?;
    found.map(Json).ok_or_else(|| INVALID_TOKEN.problem())
}

/// A token begins with what it is for.
async fn find(
    unscoped: &Unscoped,
    accounts: &Accounts,
    token: &str,
) -> Result<Option<MailedLinkView>, Problem> {
    Ok(match token.split('_').next() {
        Some("msu") => {
            let email = sign_up_address(unscoped, accounts, token).await?;
            email.map(|email| MailedLinkView::to(LinkPurpose::SignUp, email))
        }
        Some("mpr") => {
            let reset = reset_of(unscoped, accounts, token).await?;
            reset.map(|(email, second_factor)| MailedLinkView {
                second_factor,
                ..MailedLinkView::to(LinkPurpose::PasswordReset, email)
            })
        }
        Some("mec") => {
            is_email_change(unscoped, accounts, token)
                .await?
                .then_some(MailedLinkView {
                    purpose: LinkPurpose::EmailChange,
                    email: None,
                    organization: None,
                    second_factor: false,
                })
        }
        Some("min") => {
            let invitation = invitations::invitation_of(unscoped, token).await?;
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
