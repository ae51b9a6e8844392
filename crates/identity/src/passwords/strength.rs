use http::StatusCode;
use mainstay_http::{FieldError, INTERNAL, INVALID_INPUT, Json, Kind, Problem, Public, Shared, input, post, view};
use mainstay_kernel::{ExposeSecret as _, SecretString};
use zxcvbn::{Score, zxcvbn};

use crate::{Identity, Password, Settings};

/// The last factor stays while the password is one that only a factor allows to be so short.
pub(crate) const PASSWORD_TOO_SHORT: Kind = Kind::new(
    StatusCode::CONFLICT,
    "password_too_short",
    "Your password is too short to be used without a second factor: choose a longer one first.",
);

/// How much of a password is looked at: what comes behind can only make it better.
const LOOKED_AT: usize = 64;

/// What a password is worth against somebody who guesses cleverly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strength {
    /// From 0, guessed at once, to 4, out of reach.
    pub score: u8,
    /// What is wrong with it.
    pub warning: Option<String>,
    /// How to make it better.
    pub suggestions: Vec<String>,
}

impl Strength {
    /// Estimates a password: by lists of common passwords, names and words, by patterns of the keyboard, dates, repeats,
    /// and the words of `context`, such as the owner's address (OWASP ASVS 6.2.4, 6.2.11; NIST SP 800-63B-4 §3.1.1.2).
    /// There are no rules of composition (6.2.5).
    pub fn of(password: &SecretString, context: &[&str]) -> Self {
        let looked_at: String = password.expose_secret().chars().take(LOOKED_AT).collect();
        let words: Vec<&str> =
            context.iter().flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric())).collect();
        let whole = Self::estimate(&looked_at, &[context, &words].concat());
        let rest = Self::estimate(&without(&looked_at, &words), &[]);
        if rest.score < whole.score {
            let warning = Some("This password is made of what is known of you.".to_owned());
            return Self { score: rest.score, warning, ..whole };
        }
        whole
    }

    fn estimate(password: &str, context: &[&str]) -> Self {
        let estimate = zxcvbn(password, context);
        let feedback = estimate.feedback();
        Self {
            score: estimate.score().into(),
            warning: feedback.and_then(|feedback| feedback.warning()).map(|warning| warning.to_string()),
            suggestions: feedback
                .map(|feedback| feedback.suggestions().iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        }
    }

    /// Whether an account may have it.
    pub fn is_enough(&self) -> bool {
        self.score >= u8::from(Score::Three)
    }
}

/// What is left of a password when every word of the context is taken out of it.
fn without(password: &str, words: &[&str]) -> String {
    let long = words.iter().filter(|word| word.chars().count() >= 3);
    long.fold(password.to_lowercase(), |rest, word| rest.replace(&word.to_lowercase(), ""))
}

/// Whether a password has the length of one that no second factor stands beside.
pub(crate) fn is_long_enough_alone(settings: &Settings, password: &Password) -> bool {
    password.secret().expose_secret().chars().count() >= settings.password_min_length
}

/// Checks a password that somebody chose: its length and its strength. `field` names it in the body.
///
/// # Errors
/// [`INVALID_INPUT`] that says what is wrong and how to do better.
pub(crate) async fn check(
    identity: &Identity,
    password: &Password,
    field: &'static str,
    second_factor: bool,
    context: Vec<String>,
) -> Result<(), Problem> {
    let settings = &identity.settings;
    let least =
        if second_factor { settings.password_min_length_with_second_factor } else { settings.password_min_length };
    let refuse = |detail: String| {
        let error = FieldError { location: "body".into(), pointer: format!("/{field}"), detail };
        Err(INVALID_INPUT.problem().errors([error]))
    };
    if password.secret().expose_secret().chars().count() < least {
        return refuse(format!("expected at least {least} characters"));
    }
    let strength = assess(password.secret().clone(), context).await?;
    if strength.is_enough() {
        return Ok(());
    }
    let warning = strength.warning.unwrap_or_else(|| "This password is easy to guess.".to_owned());
    refuse(std::iter::once(warning).chain(strength.suggestions).collect::<Vec<_>>().join(" "))
}

/// Off the threads that answer requests: it takes a millisecond or two.
async fn assess(password: SecretString, context: Vec<String>) -> Result<Strength, Problem> {
    let estimated = tokio::task::spawn_blocking(move || {
        let context: Vec<&str> = context.iter().map(String::as_str).collect();
        Strength::of(&password, &context)
    });
    estimated.await.map_err(|error| INTERNAL.problem().caused_by(error))
}

/// A password to estimate.
#[input]
pub(super) struct EstimatePassword {
    /// The password; it is neither kept nor logged.
    password: Password,
}

/// What a password is worth.
#[view]
pub(super) struct StrengthView {
    /// From 0, guessed at once, to 4, out of reach.
    score: u8,
    /// Whether an account without a second factor may have it.
    acceptable: bool,
    /// What is wrong with it.
    warning: Option<String>,
    /// How to make it better.
    suggestions: Vec<String>,
}

/// Estimate how strong a password is.
///
/// For a meter beside the field in which somebody chooses one.
#[post("/v1/password-strength")]
pub(super) async fn estimate_password(
    _: Public,
    identity: Shared<Identity>,
    Json(body): Json<EstimatePassword>,
) -> Result<Json<StrengthView>, Problem> {
    let long_enough = is_long_enough_alone(&identity.settings, &body.password);
    let strength = assess(body.password.secret().clone(), Vec::new()).await?;
    let acceptable = long_enough && strength.is_enough();
    let Strength { score, warning, suggestions } = strength;
    Ok(Json(StrengthView { score, acceptable, warning, suggestions }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_enough(password: &str, context: &[&str]) -> bool {
        Strength::of(&password.into(), context).is_enough()
    }

    /// OWASP ASVS 6.2.4, 6.2.5.
    #[test]
    fn what_is_common_is_refused_and_composition_does_not_matter() {
        for common in
            ["password1234567", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaaaaaa", "Passw0rd!Passw0rd!", "123456789012345"]
        {
            assert!(!is_enough(common, &[]), "{common}");
        }
        for fine in
            ["correct horse battery staple", "violets tumble over granite", "кошка гуляет сама по себе", "xK9#mQ2$vL7@"]
        {
            assert!(is_enough(fine, &[]), "{fine}");
        }
    }

    /// OWASP ASVS 6.2.11.
    #[test]
    fn words_of_the_context_do_not_count() {
        let context = ["grace.zuckerhut@example.org"];
        assert!(is_enough("gracezuckerhutexample", &[]));
        assert!(!is_enough("gracezuckerhutexample", &context));
    }
}
