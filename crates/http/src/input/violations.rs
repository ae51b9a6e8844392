//! Problems for invalid inputs: violated rules, and values that cannot be parsed.

use std::fmt::Display;

use garde::Validate;
use schemars::JsonSchema;
use serde_path_to_error::{Path, Segment};

use super::expected::{Expected, Step, members, words};
use crate::{FieldError, INVALID_INPUT, MALFORMED, Problem};

/// Checks the rules of a value and reports every violation. The messages come from the rules, which
/// must not repeat the value.
pub(super) fn checked<T>(location: &'static str, value: T) -> Result<T, Problem>
where
    T: Validate<Context = ()> + JsonSchema,
{
    let Err(report) = value.validate() else {
        return Ok(value);
    };

    let expected = Expected::of::<T>();

    Err(INVALID_INPUT
        .problem()
        .errors(report.iter().map(|(path, error)| {
            let path = path.to_string();
            FieldError {
                location: location.into(),
                pointer: expected.follow(rule_steps(&path)).0,
                detail: error.message().to_owned(),
            }
        })))
}

/// Reports a value of the wrong type, or an unknown, missing or repeated field. Only the kind of
/// serde's message is used, and field names that the schema has, because the rest may repeat the
/// value.
pub(super) fn unreadable<T: JsonSchema>(
    location: &'static str,
    path: &Path,
    error: &impl Display,
) -> Problem {
    let expected = Expected::of::<T>();
    let message = error.to_string();
    let steps: Vec<_> = path.iter().map_while(type_step).collect();
    let (pointer, schema) = expected.follow(steps.iter().copied());

    let (kind, pointer, detail) = match Fault::of(&message) {
        Fault::Value => (
            INVALID_INPUT,
            pointer,
            format!("expected {}", words(schema)),
        ),
        Fault::Unknown => {
            let names: Vec<_> = members(schema)
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            (
                INVALID_INPUT,
                pointer,
                format!("unknown name; expected only {}", names.join(", ")),
            )
        }
        Fault::Missing(name) => {
            let (pointer, schema) = expected.follow(steps.into_iter().chain([Step::Field(name)]));
            (
                INVALID_INPUT,
                pointer,
                format!("missing: expected {}", words(schema)),
            )
        }
        // A repeated field is ambiguous: parsers differ in which one they use (OWASP ASVS 1.5.3,
        // 15.3.7).
        Fault::Repeated(name) => {
            let (pointer, _) = expected.follow(steps.into_iter().chain([Step::Field(name)]));
            (MALFORMED, pointer, "given more than once".to_owned())
        }
    };

    kind.problem().errors([FieldError {
        location: location.into(),
        pointer,
        detail,
    }])
}

/// The kind of an error of serde.
#[derive(Debug, PartialEq)]
enum Fault<'m> {
    Missing(&'m str),
    Repeated(&'m str),
    Unknown,
    Value,
}

impl<'m> Fault<'m> {
    /// Recognises the prefixes that `serde::de::Error` gives its messages in every format.
    fn of(message: &'m str) -> Self {
        let named = |opening: &str| message.strip_prefix(opening)?.split('`').next();
        match () {
            () if message.starts_with("unknown field `") => Self::Unknown,
            () => named("missing field `")
                .map(Self::Missing)
                .or_else(|| named("duplicate field `").map(Self::Repeated))
                .unwrap_or(Self::Value),
        }
    }
}

/// Parses a path of garde, such as `lines[0].text`.
fn rule_steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| {
            let position = part
                .strip_suffix(']')
                .and_then(|position| position.parse().ok());
            position.map_or(Step::Field(part), Step::Item)
        })
}

fn type_step(segment: &Segment) -> Option<Step<'_>> {
    match segment {
        Segment::Seq { index } => Some(Step::Item(*index)),
        Segment::Map { key } => Some(Step::Field(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it is read matters")]
    struct Credentials {
        /// A field.
        name: String,
        /// Another.
        password: Option<String>,
        /// Several.
        #[serde(default)]
        ports: Vec<u16>,
    }

    fn refused(body: &str) -> (u16, String, String) {
        let mut json = serde_json::Deserializer::from_str(body);
        let error = serde_path_to_error::deserialize::<_, Credentials>(&mut json).unwrap_err();
        let problem = unreadable::<Credentials>("body", error.path(), error.inner());
        let error = problem.field_errors()[0].clone();
        (problem.kind().status.as_u16(), error.pointer, error.detail)
    }

    #[test]
    fn an_error_says_what_was_expected_and_never_repeats_the_value() {
        for (body, status, pointer, detail) in [
            ("\"my secret\"", 422, "", "expected an object"),
            (r#"{"name": 12345678}"#, 422, "/name", "expected a string"),
            (
                r#"{"name": "n", "password": [4711]}"#,
                422,
                "/password",
                "expected a string or null",
            ),
            (
                r#"{"name": "n", "ports": [1, 4711471]}"#,
                422,
                "/ports/1",
                "expected an integer from 0 to 65535",
            ),
            (
                r#"{"name": "n", "ports": [1, "4711"]}"#,
                422,
                "/ports/1",
                "expected an integer from 0 to 65535",
            ),
            (r"{}", 422, "/name", "missing: expected a string"),
            (
                r#"{"name": "n", "name": "m"}"#,
                400,
                "/name",
                "given more than once",
            ),
            (
                r#"{"name": "n", "hunter2": 1}"#,
                422,
                "",
                "unknown name; expected only `name`, `password`, `ports`",
            ),
        ] {
            assert_eq!(
                refused(body),
                (status, pointer.to_owned(), detail.to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn paths_of_rules_become_json_pointers() {
        let expected = Expected::of::<Credentials>();
        assert_eq!(expected.follow(rule_steps("ports[0]")).0, "/ports/0");
        assert_eq!(expected.follow(rule_steps("")).0, "");
        assert_eq!(expected.follow(rule_steps("hunter2.name")).0, "");
    }
}
