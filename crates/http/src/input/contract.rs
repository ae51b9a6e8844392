//! The traits of inputs and their types.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Operation, Problem, Request};

/// An argument of an endpoint's function, after the policy.
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot take `{Self}`",
    note = "take `Path<T>`, `Query<T>`, `Json<T>`, `Form<T>`, `Header<T>`, `Cookie<T>`, `IfMatch` or `Shared<T>`",
    note = "in `Query`, `Json` and `Form`, `T` is a type under `#[input]`"
)]
pub trait Input: Sized + Send {
    /// Extracts the value from the request.
    fn take(request: &mut Request) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// Describes the input in the API document.
    fn describe(operation: &mut Operation<'_>);
}

/// A type that may be part of a request. `#[input]` implements it, refuses unknown fields and
/// derives the rules.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an input",
    note = "write `#[input]` above the type"
)]
pub trait Shape: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send {}
