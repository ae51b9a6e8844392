//! The parameters of a path.

use mainstay_kernel::Id;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{
    Input,
    expected::{Expected, words},
    values::Values,
};
use crate::{
    FieldError, INVALID_INPUT, Location, MALFORMED, Operation, Parameter, Problem, Request,
};

/// The parameters of the path: `Path<CustomerId>` for one, `Path<(CustomerId, NoteId)>` for two, in
/// order.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The type of one path parameter.
pub trait PathValue: DeserializeOwned + JsonSchema + Send {}

impl<T> PathValue for Id<T> {}
impl PathValue for String {}
impl PathValue for u32 {}
impl PathValue for i64 {}

/// The types that `Path` accepts: one [`PathValue`] or a tuple of them.
pub trait PathParameters: Sized + Send {
    /// Reads the segments, in order.
    ///
    /// # Errors
    /// [`INVALID_INPUT`] for the segment that is not of its type.
    fn read(segments: &mut dyn Iterator<Item = (String, String)>) -> Result<Self, Problem>;

    /// Describes the parameters in the API document. `names` are in order.
    fn describe(names: &mut dyn Iterator<Item = &'static str>, operation: &mut Operation<'_>);
}

impl<T: PathValue> PathParameters for T {
    fn read(segments: &mut dyn Iterator<Item = (String, String)>) -> Result<Self, Problem> {
        let (name, text) = segments.next().unwrap_or_default();
        T::deserialize(Values::only(&name, &text)).map_err(|_| {
            INVALID_INPUT.problem().errors([FieldError {
                location: "path".into(),
                pointer: format!("/{name}"),
                detail: format!("expected {}", words(Expected::of::<T>().follow([]).1)),
            }])
        })
    }

    fn describe(names: &mut dyn Iterator<Item = &'static str>, operation: &mut Operation<'_>) {
        let schema = operation.input_schema::<T>();
        operation.parameters.push(Parameter {
            location: Location::Path,
            name: names.next().unwrap_or_default().to_owned(),
            required: true,
            description: None,
            schema,
        });
    }
}

impl<A: PathValue, B: PathValue> PathParameters for (A, B) {
    fn read(segments: &mut dyn Iterator<Item = (String, String)>) -> Result<Self, Problem> {
        Ok((A::read(segments)?, B::read(segments)?))
    }

    fn describe(names: &mut dyn Iterator<Item = &'static str>, operation: &mut Operation<'_>) {
        <A as PathParameters>::describe(names, operation);
        <B as PathParameters>::describe(names, operation);
    }
}

impl<T: PathParameters> Input for Path<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        T::read(&mut request.path.drain(..)).map(Self)
    }

    fn describe(operation: &mut Operation<'_>) {
        T::describe(&mut operation.path_parameters.iter().copied(), operation);
        operation.answers(&[MALFORMED, INVALID_INPUT]);
    }
}
