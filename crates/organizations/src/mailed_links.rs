//! What a mailed link is good for, before anybody types or clicks: the page that it leads to shows no form that cannot
//! work, and tells a password manager whose password is chosen.

use mainstay_database::Unscoped;
use mainstay_http::{Json, Module, Problem, Public, Shared, choice, input, post, view};

use crate::{
    EmailAddress, Identity, accounts, invitations,
    passwords::{self, INVALID_TOKEN},
    throttle::{self, MAILED_LINKS, TOO_MANY_ATTEMPTS},
};

/// Looking at a link.
pub(crate) fn module() -> Module {
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
    identity: Shared<Identity>,
    Json(body): Json<InspectMailedLink>,
) -> Result<Json<MailedLinkView>, Problem> {
    let unscoped = by.unscoped("nobody need be signed in; the token names what it is for");
    throttle::admit_request(&unscoped, MAILED_LINKS, by.origin().address).await?;

    let found = find(&unscoped, &identity, &body.token).await?;
    found.map(Json).ok_or_else(|| INVALID_TOKEN.problem())
}

/// A token begins with what it is for.
async fn find(
    unscoped: &Unscoped,
    identity: &Identity,
    token: &str,
) -> Result<Option<MailedLinkView>, Problem> {
    Ok(match token.split('_').next() {
        Some("msu") => {
            let email = accounts::sign_up_address(unscoped, identity, token).await?;
            email.map(|email| MailedLinkView::to(LinkPurpose::SignUp, email))
        }
        Some("mpr") => {
            let reset = passwords::reset_of(unscoped, identity, token).await?;
            reset.map(|(email, second_factor)| MailedLinkView {
                second_factor,
                ..MailedLinkView::to(LinkPurpose::PasswordReset, email)
            })
        }
        Some("mec") => accounts::is_email_change(unscoped, identity, token)
            .await?
            .then_some(MailedLinkView {
                purpose: LinkPurpose::EmailChange,
                email: None,
                organization: None,
                second_factor: false,
            }),
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
