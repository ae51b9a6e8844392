//! The e-mails about accounts. Each states what happened, and what to do if it was not the
//! recipient.

use std::net::IpAddr;

use mainstay_database::{Error, Job, Sql};
use mainstay_http::{FieldError, INVALID_INPUT, Problem};
use mainstay_kernel::{EmailAddress, ExposeSecret as _, SecretString};
use mainstay_mail::{Letter, Mail};

use crate::accounts::Accounts;

/// Creates the job that sends an e-mail to `address`.
///
/// `None` if the address cannot receive e-mail, which is logged. The account works without it.
///
/// # Errors
/// [`Error::Internal`] if the letter cannot be written as JSON.
pub fn to(address: &EmailAddress, letter: &Letter, sql: &Sql) -> Result<Option<Job>, Error> {
    match Mail::new(address.as_str(), letter) {
        Ok(mail) => mail.job(sql).map(Some),
        Err(error) => {
            tracing::warn!(%error, "e-mail not queued");
            Ok(None)
        }
    }
}

/// Refuses an address that cannot receive e-mail.
///
/// # Errors
/// [`INVALID_INPUT`] for the member `email` of the body.
pub(crate) fn can_reach(address: &EmailAddress) -> Result<(), Problem> {
    Mail::new(address.as_str(), &Letter::new(""))
        .map(drop)
        .map_err(|_| {
            let detail = "this address cannot receive e-mail".to_owned();
            INVALID_INPUT.problem().errors([FieldError {
                location: "body".into(),
                pointer: "/email".to_owned(),
                detail,
            }])
        })
}

/// A link to an account page. The token is in the fragment, which is not sent to servers or to
/// other pages.
pub fn link(accounts: &Accounts, page: &str, token: &SecretString) -> String {
    format!(
        "{}/{page}#token={}",
        accounts.settings.pages_url,
        token.expose_secret()
    )
}

const NOT_YOU: &str = "If this was not you, change your password now and end all other sessions.";

pub(crate) fn sign_up(accounts: &Accounts, token: &SecretString) -> Letter {
    Letter::new("Confirm your address")
        .paragraph("Someone, hopefully you, signed up for an account with this address.")
        .button("Confirm the address", link(accounts, "confirm", token))
        .paragraph(
            "The page asks for the password that you chose at sign-up. The link is valid for one hour.",
        )
        .footer(
            "If you did not sign up, ignore this message. Without the password, no account is created.",
        )
}

pub(crate) fn sign_up_again(accounts: &Accounts) -> Letter {
    Letter::new("You already have an account")
        .paragraph(
            "Someone, hopefully you, signed up for an account with this address. It already has one.",
        )
        .button(
            "Choose a new password",
            format!("{}/forgot", accounts.settings.pages_url),
        )
        .footer("If you did not sign up, ignore this message. Your account has not changed.")
}

pub(crate) fn password_reset(accounts: &Accounts, token: &SecretString) -> Letter {
    Letter::new("Choose a new password")
        .paragraph("Someone, hopefully you, requested a new password for your account.")
        .button("Choose a password", link(accounts, "reset", token))
        .paragraph("The link can be used once and is valid for ten minutes.")
        .footer("If you did not request this, ignore this message. Your password has not changed.")
}

pub(crate) fn password_reset_without_account() -> Letter {
    Letter::new("There is no account with this address")
        .paragraph(
            "Someone requested a new password for the account with this address, but there is no such account.",
        )
        .paragraph("If it was you, you may have signed up with another address.")
        .footer("If you did not request this, ignore this message.")
}

/// `keys` are the names of the API keys that remain valid.
pub(crate) fn password_changed(keys: &[String]) -> Letter {
    let letter = Letter::new("Your password was changed")
        .paragraph("The password of your account was changed, and all other sessions were ended.");
    let letter = match remaining_keys(keys) {
        Some(paragraph) => letter.paragraph(paragraph),
        None => letter,
    };

    letter.paragraph(NOT_YOU)
}

/// Lists the keys that a new password does not revoke, so that their owner can revoke the ones that
/// are not theirs.
fn remaining_keys(keys: &[String]) -> Option<String> {
    const NAMED: usize = 20;

    let named: Vec<_> = keys
        .iter()
        .take(NAMED)
        .map(|name| format!("\u{201c}{name}\u{201d}"))
        .collect();
    let more = keys
        .len()
        .checked_sub(NAMED + 1)
        .map(|rest| format!(" and {} more", rest + 1))
        .unwrap_or_default();

    (!keys.is_empty()).then(|| {
        format!(
            "These API keys still work: {}{more}. Revoke each one that you do not recognise.",
            named.join(", ")
        )
    })
}

pub(crate) fn email_change_from(
    accounts: &Accounts,
    token: &SecretString,
    to: &EmailAddress,
) -> Letter {
    Letter::new("Confirm the change of your address")
        .paragraph(format!(
            "Someone, hopefully you, asked to change the address of your account to {}.",
            to.as_str()
        ))
        .button("Confirm the change", link(accounts, "email", token))
        .paragraph(
            "The address changes when both addresses have confirmed. The link is valid for one hour.",
        )
        .paragraph(NOT_YOU)
}

pub(crate) fn email_change_to(accounts: &Accounts, token: &SecretString) -> Letter {
    Letter::new("Confirm your new address")
        .paragraph("Someone, hopefully you, asked to use this address for their account.")
        .button("Confirm the address", link(accounts, "email", token))
        .paragraph(
            "The address changes when both addresses have confirmed. The link is valid for one hour.",
        )
        .footer("If you did not request this, ignore this message.")
}

pub(crate) fn email_change_to_taken() -> Letter {
    Letter::new("Your address was entered for another account")
        .paragraph(
            "Someone, perhaps you, asked to use this address for another account. It already belongs to yours.",
        )
        .footer("If this was not you, ignore this message. Your account has not changed.")
}

pub(crate) fn email_changed(to: &EmailAddress) -> Letter {
    Letter::new("Your address was changed")
        .paragraph(format!(
            "Both addresses have confirmed the change. The address of your account is now {}.",
            to.as_str()
        ))
        .paragraph("If this was not you, contact the operator of this service.")
}

pub(crate) fn signed_in_from_elsewhere(address: Option<IpAddr>) -> Letter {
    let place = address
        .map(|address| format!(" ({address})"))
        .unwrap_or_default();

    Letter::new("New sign-in to your account")
        .paragraph(format!(
            "Someone, hopefully you, signed in to your account from a new network{place}."
        ))
        .paragraph(NOT_YOU)
}

/// The e-mail about a linked external identity. `provider` is the provider's label.
pub fn identity_linked(provider: &str) -> Letter {
    Letter::new("A way to sign in was added")
        .paragraph(format!(
            "Your account can now be signed in to with {provider}."
        ))
        .paragraph("If this was not you, unlink it and end all other sessions.")
}

/// The e-mail about an unlinked external identity.
pub fn identity_unlinked() -> Letter {
    Letter::new("A way to sign in was removed")
        .paragraph("An external identity was unlinked from your account, and all other sessions were ended.")
        .paragraph(NOT_YOU)
}

/// The e-mail about a new API key called `name`.
pub fn api_key_made(name: &str) -> Letter {
    Letter::new("An API key was created for your account")
        .paragraph(format!(
            "Programs can now act on behalf of your account with the API key \u{201c}{name}\u{201d}."
        ))
        .paragraph("If this was not you, revoke the key, change your password now and end all other sessions.")
}

pub(crate) fn account_deactivated() -> Letter {
    Letter::new("Your account was deactivated").paragraph(
        "Your account was deactivated. No one can sign in to it until the operator of this service activates it again.",
    )
}

pub(crate) fn account_deleted() -> Letter {
    Letter::new("Your account was deleted")
        .paragraph("Your account was deleted, and the key to your personal data was destroyed.")
}

pub(crate) fn second_factor_added(what: &str) -> Letter {
    Letter::new("A second factor was added to your account")
        .paragraph(format!(
            "Signing in to your account can now be confirmed with {what}."
        ))
        .paragraph(NOT_YOU)
}

pub(crate) fn second_factor_removed(what: &str) -> Letter {
    Letter::new("A second factor was removed from your account")
        .paragraph(format!(
            "You can no longer confirm a sign-in with {what}. All other sessions were ended."
        ))
        .paragraph(NOT_YOU)
}

pub(crate) fn second_factors_reset() -> Letter {
    Letter::new("Your second factors were reset")
        .paragraph("The operator of this service removed all second factors of your account and ended all sessions.")
        .paragraph(
            "Sign in with your password, and add a second factor again. If your password is too short to be used \
             alone, request a password reset first.",
        )
        .paragraph("If you did not ask for this, contact the operator of this service.")
}

pub(crate) fn recovery_codes_replaced() -> Letter {
    Letter::new("Your recovery codes were replaced")
        .paragraph("New recovery codes were created for your account. The old ones no longer work.")
        .paragraph(NOT_YOU)
}

pub(crate) fn recovery_code_used() -> Letter {
    Letter::new("A recovery code was used")
        .paragraph("A recovery code of your account was used in place of a second factor. It cannot be used again.")
        .paragraph(NOT_YOU)
}
