//! What identity writes to people: each letter says what happened, and what to do when it was not them.

use std::net::IpAddr;

use mainstay_database::{Error, Job, Unscoped};
use mainstay_http::{FieldError, INVALID_INPUT, Problem};
use mainstay_kernel::{EmailAddress, ExposeSecret as _, SecretString};
use mainstay_mail::{Letter, Mail};

use crate::accounts::Accounts;

/// Queues a letter to `address`.
///
/// An address that no mail system takes gets none: the account works without, and the log says so.
///
/// # Errors
/// [`Error::Internal`] when the letter has no JSON form.
pub fn to(
    address: &EmailAddress,
    letter: &Letter,
    unscoped: &Unscoped,
) -> Result<Option<Job>, Error> {
    match Mail::new(address.as_str(), letter) {
        Ok(mail) => mail.job(unscoped).map(Some),
        Err(error) => {
            tracing::warn!(%error, "a letter was not written");
            Ok(None)
        }
    }
}

/// Refuses an address that no letter can be sent to, before somebody waits for one in vain.
///
/// # Errors
/// [`INVALID_INPUT`] for the member `email` of the body.
pub(crate) fn can_reach(address: &EmailAddress) -> Result<(), Problem> {
    Mail::new(address.as_str(), &Letter::new(""))
        .map(drop)
        .map_err(|_| {
            let detail = "no mail can be sent to this address".to_owned();
            INVALID_INPUT.problem().errors([FieldError {
                location: "body".into(),
                pointer: "/email".to_owned(),
                detail,
            }])
        })
}

/// A link into the account pages. The token stands in the fragment, which no server logs and no page passes on.
pub fn link(accounts: &Accounts, page: &str, token: &SecretString) -> String {
    format!(
        "{}/{page}#token={}",
        accounts.settings.pages_url,
        token.expose_secret()
    )
}

const NOT_YOU: &str =
    "If that was not you, choose a new password at once and end all other sessions.";

pub(crate) fn sign_up(accounts: &Accounts, token: &SecretString) -> Letter {
    Letter::new("Confirm your address")
        .paragraph("Somebody, we hope you, asked for an account with this address.")
        .button("Confirm the address", link(accounts, "confirm", token))
        .paragraph("The page asks for the password that was chosen. The link works for one hour.")
        .footer("If you did not ask for an account, do nothing: without the password nobody can finish it.")
}

pub(crate) fn sign_up_again(accounts: &Accounts) -> Letter {
    Letter::new("You have an account already")
        .paragraph(
            "Somebody, we hope you, asked for an account with this address. It has one already.",
        )
        .button(
            "Choose a new password",
            format!("{}/forgot", accounts.settings.pages_url),
        )
        .footer("If you did not ask for an account, do nothing: yours is as it was.")
}

pub(crate) fn password_reset(accounts: &Accounts, token: &SecretString) -> Letter {
    Letter::new("Choose a new password")
        .paragraph("Somebody, we hope you, asked to choose a new password for your account.")
        .button("Choose a password", link(accounts, "reset", token))
        .paragraph("The link works once, for ten minutes.")
        .footer("If you did not ask for it, do nothing: your password is as it was.")
}

pub(crate) fn password_reset_for_nobody() -> Letter {
    Letter::new("There is no account with this address")
        .paragraph("Somebody asked to choose a new password for the account with this address. There is none.")
        .paragraph("If it was you, perhaps you signed up with another address.")
        .footer("If you did not ask for it, do nothing.")
}

/// `keys` are the names of the API keys that still work.
pub(crate) fn password_changed(keys: &[String]) -> Letter {
    let letter = Letter::new("Your password was changed")
        .paragraph("The password of your account was changed, and all other sessions were ended.");
    let letter = match still_working(keys) {
        Some(paragraph) => letter.paragraph(paragraph),
        None => letter,
    };
    letter.paragraph(NOT_YOU)
}

/// Names the keys that a new password does not end, so that their owner can revoke what is not theirs.
fn still_working(keys: &[String]) -> Option<String> {
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
            "The address of your account is to become {}.",
            to.as_str()
        ))
        .button("Confirm the change", link(accounts, "email", token))
        .paragraph(
            "It is changed once both addresses have confirmed it. The link works for one hour.",
        )
        .paragraph(NOT_YOU)
}

pub(crate) fn email_change_to(accounts: &Accounts, token: &SecretString) -> Letter {
    Letter::new("Confirm your new address")
        .paragraph("This is to become the address of your account.")
        .button("Confirm the address", link(accounts, "email", token))
        .paragraph(
            "It is changed once both addresses have confirmed it. The link works for one hour.",
        )
        .footer("If you have no account with us, do nothing.")
}

pub(crate) fn email_change_to_taken() -> Letter {
    Letter::new("Your address was given for another account")
        .paragraph(
            "Somebody, perhaps you, wants to use this address for an account. It belongs to your account already.",
        )
        .footer("If that was not you, do nothing: your account is as it was.")
}

pub(crate) fn email_changed(to: &EmailAddress) -> Letter {
    Letter::new("Your address was changed")
        .paragraph(format!(
            "Both addresses have confirmed it: your account's address is now {}.",
            to.as_str()
        ))
        .paragraph("If that was not you, write to whoever runs this service.")
}

pub(crate) fn signed_in_from_elsewhere(address: Option<IpAddr>) -> Letter {
    let place = address
        .map(|address| format!(" ({address})"))
        .unwrap_or_default();
    Letter::new("A sign-in from a new place")
        .paragraph(format!("Somebody, we hope you, signed in to your account from a network that is new to it{place}."))
        .paragraph(NOT_YOU)
}

/// An identity of another provider was linked. `provider` is its label.
pub fn identity_linked(provider: &str) -> Letter {
    Letter::new("A way to sign in was added")
        .paragraph(format!(
            "From now on one can sign in to your account by {provider}."
        ))
        .paragraph("If that was not you, unlink it and end all other sessions.")
}

/// An identity of another provider was unlinked.
pub fn identity_unlinked() -> Letter {
    Letter::new("A way to sign in was removed")
        .paragraph("An identity of elsewhere was unlinked from your account, and all other sessions were ended.")
        .paragraph(NOT_YOU)
}

/// An API key was made. `name` is what it is called.
pub fn api_key_made(name: &str) -> Letter {
    Letter::new("An API key was made for your account")
        .paragraph(format!("From now on programs can call in your name by the key \u{201c}{name}\u{201d}."))
        .paragraph("If that was not you, revoke the key, choose a new password at once and end all other sessions.")
}

pub(crate) fn account_deactivated() -> Letter {
    Letter::new("Your account was deactivated")
        .paragraph("Your account was deactivated: no one can sign in to it. The operator of this service can activate it again.")
}

pub(crate) fn account_deleted() -> Letter {
    Letter::new("Your account was deleted")
        .paragraph("Your account was deleted, and the key to your personal data with it.")
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
        .paragraph("Whoever runs this service has removed every second factor of your account, and ended all sessions.")
        .paragraph(
            "Sign in with your password, and add a second factor again. If your password is too short to be used \
             alone, request a password reset first.",
        )
        .paragraph("If you did not ask for it, write to whoever runs this service.")
}

pub(crate) fn recovery_codes_replaced() -> Letter {
    Letter::new("Your recovery codes were replaced")
        .paragraph("New recovery codes were made for your account. The old ones are worth nothing from now on.")
        .paragraph(NOT_YOU)
}

pub(crate) fn recovery_code_used() -> Letter {
    Letter::new("A recovery code was used")
        .paragraph("A recovery code of your account was used in place of a second factor. It is not taken again.")
        .paragraph(NOT_YOU)
}
