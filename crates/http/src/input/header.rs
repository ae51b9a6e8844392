//! Headers as inputs.

use http::{HeaderName, header};
use mainstay_database::IfMatch;
use schemars::{Schema, json_schema};

use super::Input;
use crate::{
    FieldError, INVALID_INPUT, Location, MALFORMED, Operation, PRECONDITION_FAILED, Parameter,
    Problem, Request, conditions,
};

/// The value of a header, or `None` if it is missing.
#[derive(Debug)]
pub struct Header<H>(pub Option<H>);

/// A header that an endpoint may take.
pub trait HeaderField: Sized + Send {
    /// Its name.
    const NAME: HeaderName;
    /// What it means.
    const DESCRIPTION: &'static str;

    /// Whether clients send it automatically. An invalid value of such a header counts as missing
    /// instead of being refused, the first of several lines is used, and the API document omits it.
    const AMBIENT: bool = false;

    /// Parses its value; `None` if the value is invalid.
    fn read(value: &str) -> Option<Self>;

    /// The schema of its value.
    fn schema() -> Schema;
}

impl<H: HeaderField> Input for Header<H> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        if H::AMBIENT {
            let value = request
                .parts
                .headers
                .get(H::NAME)
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            return Ok(Self(value.and_then(|value| H::read(&value))));
        }
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
        if H::AMBIENT {
            return;
        }
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

/// `If-Match` (RFC 9110 §13.1.1). Without it, or with `*`, a change applies to any version.
impl Input for IfMatch {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        conditions::if_match(&request.parts.headers)
            .map(|condition| condition.unwrap_or(Self::Any))
            .map_err(|_| {
                MALFORMED.problem().errors([FieldError {
                    location: "header".into(),
                    pointer: format!("/{}", header::IF_MATCH),
                    detail: "expected entity tags in quotation marks, separated by commas, or *"
                        .to_owned(),
                }])
            })
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.parameters.push(Parameter {
            location: Location::Header,
            name: header::IF_MATCH.to_string(),
            required: false,
            description: Some(
                "The `ETag` that the change is based on, such as `\"3\"`; a list of them; or `*`."
                    .to_owned(),
            ),
            schema: json_schema!({ "type": "string" }),
        });
        operation.answers(&[MALFORMED, PRECONDITION_FAILED]);
    }
}

/// The first 256 characters of `User-Agent`. Invalid UTF-8 is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(pub String);

impl HeaderField for UserAgent {
    const NAME: HeaderName = header::USER_AGENT;
    const DESCRIPTION: &'static str = "the client's software";
    const AMBIENT: bool = true;

    fn read(value: &str) -> Option<Self> {
        Some(Self(value.chars().take(256).collect()))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}
