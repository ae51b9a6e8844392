//! The inputs of an endpoint's function, besides its policy. Each input extracts, checks and documents itself.

mod body;
mod cookie;
mod expected;
mod form;
mod header;
mod integers;
mod media_type;
mod oauth;
mod parameters;
mod patch;
mod path;
mod query;
mod shared;
mod text;
mod values;
mod violations;

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use body::Json;
pub use cookie::{Cookie, CookieValue};
pub use form::Form;
pub use header::{Header, HeaderField, UserAgent};
pub use oauth::{ClientBasic, OAuthForm};
pub use patch::Patch;
pub use path::{Path, PathParameters, PathValue};
pub use query::Query;
pub use shared::Shared;
pub(crate) use {body::accepts, text::has_bad_escape};

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

/// A type that may be part of a request. `#[input]` implements it, refuses unknown fields and derives the rules.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an input",
    note = "write `#[input]` above the type"
)]
pub trait Shape: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send {}
