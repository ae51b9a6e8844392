//! The inputs of an endpoint's function, besides its policy. Each input extracts, checks and
//! documents itself.

mod body;
mod contract;
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

pub use body::Json;
pub use contract::{Input, Shape};
pub use cookie::{Cookie, CookieValue};
pub use form::Form;
pub use header::{Header, HeaderField, UserAgent};
pub use oauth::{ClientBasic, OAuthForm};
pub use patch::Patch;
pub use path::{Path, PathParameters, PathValue};
pub use query::Query;
pub use shared::Shared;
pub(crate) use {body::accepts, text::has_bad_escape};
