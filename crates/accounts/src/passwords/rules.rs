//! What a password must fulfil: its length, and that it is hard to guess.

use http::StatusCode;
use mainstay_http::{
    FieldError, INVALID_INPUT, Json, Kind, Problem, Public, Shared, get, input, post, view,
};
use mainstay_kernel::ExposeSecret as _;
use zxcvbn::Score;

use super::{password::Password, strength::Strength};
use crate::{
    accounts::Accounts,
    settings::Settings,
    throttle::{
        TOO_MANY_ATTEMPTS,
        requests::{PASSWORD_STRENGTH, admit_request},
    },
};

/// Whether a password has the length of one that no second factor stands beside.
pub(crate) fn is_long_enough_alone(settings: &Settings, password: &Password) -> bool {
    is_as_long_as(settings.password_min_length, password)
}

/// The shortest password that an account may have, in characters.
fn least_length(settings: &Settings, second_factor: bool) -> usize {
    if second_factor {
        settings.password_min_length_with_second_factor
    } else {
        settings.password_min_length
    }
}

fn is_as_long_as(least: usize, password: &Password) -> bool {
    password.secret().expose_secret().chars().count() >= least
}

/// Checks a password that somebody chose: its length and its strength. `field` names it in the body.
///
/// # Errors
/// [`INVALID_INPUT`] that says what is wrong and how to do better.
pub async fn check(
    accounts: &Accounts,
    password: &Password,
    field: &'static str,
    second_factor: bool,
    context: Vec<String>,
) -> Result<(), Problem> {
    let least = least_length(&accounts.settings, second_factor);

    let refuse = |detail: String| {
        let error = FieldError {
            location: "body".into(),
            pointer: format!("/{field}"),
            detail,
        };
        Err(INVALID_INPUT.problem().errors([error]))
    };
    if !is_as_long_as(least, password) {
        return refuse(format!("expected at least {least} characters"));
    }

    let strength = accounts
        .estimator
        .estimate(password.secret().clone(), context)
        .await?;
    if strength.is_enough() {
        return Ok(());
    }

    let warning = strength
        .warning
        .unwrap_or_else(|| "This password is easy to guess.".to_owned());

    refuse(
        std::iter::once(warning)
            .chain(strength.suggestions)
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// A password to estimate.
#[input]
pub(super) struct EstimatePassword {
    /// The password; it is neither kept nor logged.
    password: Password,
    /// What is known of its owner, such as the e-mail address and the name of an organization: a password that is made of
    /// it is easy to guess.
    #[garde(length(max = MOST_KNOWN), inner(length(chars, max = 254)))]
    #[serde(default)]
    known: Vec<String>,
    /// Whether the account has a second factor, beside which a password may be shorter.
    #[garde(skip)]
    #[serde(default)]
    second_factor: bool,
}

/// How many things may be known of an owner.
const MOST_KNOWN: usize = 5;

/// The score of a password that is too short, at most: no meter shows it as one that may be used.
const MOST_WHEN_SHORT: u8 = Score::Two as u8;

/// What a password is worth.
#[view]
pub(super) struct StrengthView {
    /// From 0, guessed at once, to 4, out of reach; 2 at most for one that is too short. From 3 on it is `acceptable`.
    score: u8,
    /// Whether the account may have it.
    acceptable: bool,
    /// What is wrong with it.
    warning: Option<String>,
    /// How to make it better.
    suggestions: Vec<String>,
}

/// Estimate how strong a password is.
///
/// For a meter beside the field in which somebody chooses one.
#[post("/v1/password-strength", problems(TOO_MANY_ATTEMPTS))]
pub(super) async fn estimate_password(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<EstimatePassword>,
) -> Result<Json<StrengthView>, Problem> {
    let unscoped = by.unscoped("the caller is counted, and nothing else is read or written");
    admit_request(&unscoped, PASSWORD_STRENGTH, by.origin().address).await?;

    let least = least_length(&accounts.settings, body.second_factor);
    let strength = accounts
        .estimator
        .estimate(body.password.secret().clone(), body.known)
        .await?;

    let Strength {
        score,
        warning,
        suggestions,
    } = match is_as_long_as(least, &body.password) {
        true => strength,
        false => Strength {
            score: strength.score.min(MOST_WHEN_SHORT),
            warning: Some(format!(
                "This password is too short: use at least {least} characters."
            )),
            ..strength
        },
    };

    Ok(Json(StrengthView {
        score,
        acceptable: score > MOST_WHEN_SHORT,
        warning,
        suggestions,
    }))
}

/// What a password must fulfil beside being hard to guess. Lengths are in characters.
#[view]
pub(super) struct PasswordRulesView {
    /// The shortest that an account may have without a second factor.
    min_length: usize,
    /// The shortest that an account may have with one.
    min_length_with_second_factor: usize,
    /// The longest.
    max_length: usize,
}

/// Show what a password must fulfil.
///
/// For a page on which somebody chooses one, before they begin.
#[get("/v1/password-rules")]
pub(super) async fn get_password_rules(
    _: Public,
    accounts: Shared<Accounts>,
) -> Result<Json<PasswordRulesView>, Problem> {
    let settings = &accounts.settings;
    Ok(Json(PasswordRulesView {
        min_length: settings.password_min_length,
        min_length_with_second_factor: settings.password_min_length_with_second_factor,
        max_length: Password::LONGEST,
    }))
}

/// The last factor stays while the password is one that only a factor allows to be so short.
pub(crate) const PASSWORD_TOO_SHORT: Kind = Kind::new(
    StatusCode::CONFLICT,
    "password_too_short",
    "Your password is too short to be used without a second factor: choose a longer one first.",
);
