//! Forms.

use super::{
    Input, Shape,
    body::{describe_body, read},
    parameters,
};
use crate::{MALFORMED, Operation, Problem, Request};

/// A body of an HTML form (`application/x-www-form-urlencoded`).
#[derive(Debug)]
pub struct Form<T>(pub T);

pub(super) const FORM: &[&str] = &["application/x-www-form-urlencoded"];

impl<T: Shape> Input for Form<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        let body = read(request, FORM).await?;
        let text = std::str::from_utf8(&body)
            .map_err(|_| MALFORMED.problem().detail("The body is not UTF-8."))?;
        parameters::read("body", text).map(Self)
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.input_schema::<T>();
        operation.body = Some((FORM, schema));
        describe_body(operation);
    }
}
