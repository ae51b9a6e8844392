use super::{Input, Shape, parameters};
use crate::{INVALID_INPUT, Location, MALFORMED, Operation, Parameter, Problem, Request};

/// The query string. Never personal data: addresses end up in logs and histories (OWASP ASVS 14.2.1).
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: Shape> Input for Query<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        parameters::read("query", request.parts.uri.query().unwrap_or_default()).map(Self)
    }

    fn describe(operation: &mut Operation<'_>) {
        for (name, mut schema, required) in operation.schemas.properties::<T>() {
            let description = schema.remove("description").and_then(|text| Some(text.as_str()?.to_owned()));
            operation.parameters.push(Parameter { location: Location::Query, name, required, description, schema });
        }
        operation.answers(&[MALFORMED, INVALID_INPUT]);
    }
}
