//! Errors in settings. They never quote values: a secret that was pasted into the wrong variable
//! must not end up in a log.

/// One error in a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// The environment variable, escaped if it is unknown.
    pub variable: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// All errors in the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct ConfigError {
    problems: Vec<SettingProblem>,
}

impl ConfigError {
    /// Returns the problems as an error, if there are any.
    pub(crate) fn check(problems: Vec<SettingProblem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    /// An error without problems, for a missing setting that was not reported.
    pub(crate) fn empty() -> Self {
        Self {
            problems: Vec::new(),
        }
    }

    /// The problems in the order in which the settings were read, misspelt variables last.
    pub fn problems(&self) -> &[SettingProblem] {
        &self.problems
    }
}

fn lines(problems: &[SettingProblem]) -> String {
    let heading = match problems.len() {
        1 => "1 setting is wrong:".to_owned(),
        count => format!("{count} settings are wrong:"),
    };

    problems
        .iter()
        .fold(heading, |lines, SettingProblem { variable, what }| {
            format!("{lines}\n  {variable}: {what}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(variable: &str) -> SettingProblem {
        SettingProblem {
            variable: variable.to_owned(),
            what: "is missing".to_owned(),
        }
    }

    #[test]
    fn every_problem_has_its_own_line() {
        let one = ConfigError::check(vec![problem("MAINSTAY_A")]).unwrap_err();
        assert_eq!(
            one.to_string(),
            "1 setting is wrong:\n  MAINSTAY_A: is missing"
        );

        let two =
            ConfigError::check(vec![problem("MAINSTAY_A"), problem("MAINSTAY_B")]).unwrap_err();
        assert_eq!(
            two.to_string(),
            "2 settings are wrong:\n  MAINSTAY_A: is missing\n  MAINSTAY_B: is missing"
        );
        assert_eq!(ConfigError::check(Vec::new()), Ok(()));
    }
}
