//! Cookies as inputs.

use schemars::json_schema;

use super::Input;
use crate::{
    Location, Operation, Parameter, Problem, Request,
    credentials::{cookie, refuse_cross_site},
};

/// The value of a cookie, or `None` if it is missing. A cookie in a cross-site request counts as
/// missing, because the user may not have wanted the request (OWASP ASVS 3.5.1).
#[derive(Debug)]
pub struct Cookie<C>(pub Option<C>);

/// A cookie that an endpoint may take. Not for sessions, which the policies handle.
pub trait CookieValue: Sized + Send {
    /// Its name.
    const NAME: &'static str;
    /// What it means.
    const DESCRIPTION: &'static str;

    /// Parses its value; `None` if the value is invalid.
    fn read(value: &str) -> Option<Self>;
}

impl<C: CookieValue> Input for Cookie<C> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        let value = cookie(request, C::NAME).and_then(C::read);
        Ok(Self(value.filter(|_| refuse_cross_site(request).is_ok())))
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.parameters.push(Parameter {
            location: Location::Cookie,
            name: C::NAME.to_owned(),
            required: false,
            description: Some(C::DESCRIPTION.to_owned()),
            schema: json_schema!({ "type": "string" }),
        });
    }
}
