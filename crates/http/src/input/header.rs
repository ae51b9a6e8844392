use http::{HeaderName, header};
use mainstay_database::IfMatch;
use schemars::{Schema, json_schema};

use super::Input;
use crate::{FieldError, INVALID_INPUT, Location, Operation, PRECONDITION_FAILED, Parameter, Problem, Request};

/// A header's value, or `None` when the request does not have it.
#[derive(Debug)]
pub struct Header<H>(pub Option<H>);

/// A header that an endpoint may take.
pub trait HeaderField: Sized + Send {
    /// Its name.
    const NAME: HeaderName;
    /// What it means.
    const DESCRIPTION: &'static str;

    /// Reads its value; `None` when it has another form.
    fn read(value: &str) -> Option<Self>;

    /// What its value must look like.
    fn schema() -> Schema;
}

impl<H: HeaderField> Input for Header<H> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        if !request.parts.headers.contains_key(H::NAME) {
            return Ok(Self(None));
        }
        let value = request.header(&H::NAME).and_then(H::read);
        value.map(|value| Self(Some(value))).ok_or_else(|| {
            INVALID_INPUT.problem().errors([FieldError {
                location: "header".into(),
                pointer: format!("/{}", H::NAME),
                detail: format!("expected {}", H::DESCRIPTION),
            }])
        })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.parameters.push(Parameter {
            location: Location::Header,
            name: H::NAME.to_string(),
            required: false,
            description: Some(H::DESCRIPTION.to_owned()),
            schema: H::schema(),
        });
        operation.answers(&[INVALID_INPUT]);
    }
}

/// `If-Match` (RFC 9110 §13.1.1): without it, or with `*`, a change applies to whatever version there is.
impl Input for IfMatch {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        Ok(Header::<Self>::take(request).await?.0.unwrap_or(Self::Any))
    }

    fn describe(operation: &mut Operation<'_>) {
        Header::<Self>::describe(operation);
        operation.answers(&[PRECONDITION_FAILED]);
    }
}

impl HeaderField for IfMatch {
    const NAME: HeaderName = header::IF_MATCH;
    const DESCRIPTION: &'static str = "the `ETag` that the change builds upon, such as \"3\", or *";

    fn read(value: &str) -> Option<Self> {
        if value == "*" {
            return Some(Self::Any);
        }
        let version = value.strip_prefix('"')?.strip_suffix('"')?;
        version.parse().ok().filter(|version| *version > 0).map(Self::Version)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(\\*|\"[1-9][0-9]{0,18}\")$" })
    }
}

/// `User-Agent`, up to 256 characters of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(pub String);

impl HeaderField for UserAgent {
    const NAME: HeaderName = header::USER_AGENT;
    const DESCRIPTION: &'static str = "the program that asks";

    fn read(value: &str) -> Option<Self> {
        Some(Self(value.chars().take(256).collect()))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_if_match_is_a_strong_tag_of_ours_or_a_star() {
        assert_eq!(IfMatch::read("\"7\""), Some(IfMatch::Version(7)));
        assert_eq!(IfMatch::read("*"), Some(IfMatch::Any));
        for other in ["7", "\"0\"", "\"-1\"", "W/\"7\"", "\"7\", \"8\"", "\"99999999999999999999\"", ""] {
            assert_eq!(IfMatch::read(other), None, "{other}");
        }
    }
}
