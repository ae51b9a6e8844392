//! The rules for passwords: their length and their strength.

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
    unlimited::SIGNED_OUT,
};

/// Whether a password is long enough for an account without a second factor.
pub(crate) fn is_long_enough_alone(settings: &Settings, password: &Password) -> bool {
    is_as_long_as(settings.password_min_length, password)
}

/// Minimum length of an account's password, in characters.
fn min_length(settings: &Settings, second_factor: bool) -> usize {
    if second_factor {
        settings.password_min_length_with_second_factor
    } else {
        settings.password_min_length
    }
}

fn is_as_long_as(min_length: usize, password: &Password) -> bool {
    password.secret().expose_secret().chars().count() >= min_length
}

/// Checks the length and the strength of a new password. `field` is its name in the body.
///
/// # Errors
/// [`INVALID_INPUT`] with what is wrong and suggestions.
pub async fn check(
    accounts: &Accounts,
    password: &Password,
    field: &'static str,
    second_factor: bool,
    context: Vec<String>,
) -> Result<(), Problem> {
    let refuse = |detail: String| {
        let error = FieldError {
            location: "body".into(),
            pointer: format!("/{field}"),
            detail,
        };
        Err(INVALID_INPUT.problem().errors([error]))
    };

    let min_length = min_length(&accounts.settings, second_factor);
    if !is_as_long_as(min_length, password) {
        return refuse(format!("expected at least {min_length} characters"));
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
    /// The password. It is neither stored nor logged.
    password: Password,
    /// What is known about its owner, for example the e-mail address and the name of the
    /// organization. A password made of these is easy to guess.
    #[garde(length(max = MAX_KNOWN), inner(length(chars, max = 254)))]
    #[serde(default)]
    known: Vec<String>,
    /// Whether the account has a second factor, which allows a shorter password.
    #[garde(skip)]
    #[serde(default)]
    second_factor: bool,
}

/// Maximum number of items in `known`.
const MAX_KNOWN: usize = 5;

/// Maximum score of a password that is too short. It is below what is acceptable.
const MAX_SCORE_WHEN_SHORT: u8 = Score::Two as u8;

/// The strength of a password.
#[view]
pub(super) struct StrengthView {
    /// From 0 (guessed at once) to 4 (very hard to guess). Scores from 3 on are `acceptable`. A
    /// password that is too short scores at most 2.
    score: u8,
    /// Whether the account may use the password.
    acceptable: bool,
    /// What is wrong with it.
    warning: Option<String>,
    /// How to improve it.
    suggestions: Vec<String>,
}

/// Estimate how strong a password is.
///
/// Use this for a strength meter next to a password field.
#[post("/v1/password-strength", problems(TOO_MANY_ATTEMPTS))]
pub(super) async fn estimate_password(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<EstimatePassword>,
) -> Result<Json<StrengthView>, Problem> {
    let sql = by.unlimited(SIGNED_OUT);
    admit_request(&sql, PASSWORD_STRENGTH, by.origin().address).await?;

    let min_length = min_length(&accounts.settings, body.second_factor);
    let strength = accounts
        .estimator
        .estimate(body.password.secret().clone(), body.known)
        .await?;

    let Strength {
        score,
        warning,
        suggestions,
    } = match is_as_long_as(min_length, &body.password) {
        true => strength,
        false => Strength {
            score: strength.score.min(MAX_SCORE_WHEN_SHORT),
            warning: Some(format!(
                "This password is too short. Use at least {min_length} characters."
            )),
            ..strength
        },
    };

    Ok(Json(StrengthView {
        score,
        acceptable: score > MAX_SCORE_WHEN_SHORT,
        warning,
        suggestions,
    }))
}

/// The lengths of passwords, in characters.
#[view]
pub(super) struct PasswordRulesView {
    /// Minimum length for an account without a second factor.
    min_length: usize,
    /// Minimum length for an account with a second factor.
    min_length_with_second_factor: usize,
    /// Maximum length.
    max_length: usize,
}

/// Show the rules for passwords.
///
/// Use this to show the rules next to a password field. A password must also be hard to guess.
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

/// The last second factor cannot be removed while the password is too short to be used without one.
pub(crate) const PASSWORD_TOO_SHORT: Kind = Kind::new(
    StatusCode::CONFLICT,
    "password_too_short",
    "Your password is too short to be used without a second factor. Choose a longer one first.",
);
