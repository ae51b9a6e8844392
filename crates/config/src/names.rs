//! The environment variables of settings, and suggestions for misspelt ones.

use std::collections::BTreeSet;

use crate::SettingProblem;

/// The prefix of all variables.
pub(crate) const PREFIX: &str = "MAINSTAY_";

/// Turns `http.bind` into `MAINSTAY_HTTP_BIND`.
pub(crate) fn variable_of(name: &str) -> String {
    format!(
        "{PREFIX}{}",
        name.replace(['.', '-'], "_").to_ascii_uppercase()
    )
}

/// The variable for the path of a file with the secret.
pub(crate) fn file_variable_of(variable: &str) -> String {
    format!("{variable}_FILE")
}

/// Reports a variable that is not a setting, and suggests the most similar setting.
pub(crate) fn misspelt(variable: &str, known: &BTreeSet<String>) -> SettingProblem {
    let distance = |candidate: &str| strsim::damerau_levenshtein(variable, candidate);
    // Suggestions that differ in more than a few letters would mislead. The prefix does not count.
    let is_near =
        |candidate: &&String| distance(candidate) <= (candidate.len() - PREFIX.len()).div_ceil(4);
    let nearest = known
        .iter()
        .filter(is_near)
        .min_by_key(|candidate| distance(candidate));

    let what = match nearest {
        Some(name) => format!("is not a setting; did you mean {name}?"),
        None => "is not a setting".to_owned(),
    };

    // The name is untrusted: a line break in it must not forge a line of the report.
    SettingProblem {
        variable: variable.escape_debug().to_string(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_variables_correspond() {
        assert_eq!(
            variable_of("http.rate-limit.burst"),
            "MAINSTAY_HTTP_RATE_LIMIT_BURST"
        );
        assert_eq!(file_variable_of("MAINSTAY_KEY"), "MAINSTAY_KEY_FILE");
    }

    #[test]
    fn only_a_similar_name_is_suggested() {
        let known = ["http.bind", "http.timeout", "log"].map(variable_of).into();
        let suggestion = |variable| misspelt(variable, &known).what;
        assert_eq!(
            suggestion("MAINSTAY_HTPP_BIND"),
            "is not a setting; did you mean MAINSTAY_HTTP_BIND?"
        );
        assert_eq!(
            suggestion("MAINSTAY_HTTP_TIME_OUT"),
            "is not a setting; did you mean MAINSTAY_HTTP_TIMEOUT?"
        );
        assert_eq!(suggestion("MAINSTAY_FOO"), "is not a setting");
        assert_eq!(
            misspelt("MAINSTAY_X", &BTreeSet::new()).what,
            "is not a setting"
        );
    }
}
