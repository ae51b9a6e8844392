//! Policies: what an endpoint requires of its caller.

mod allowed;
mod contract;
mod denial;
mod fresh;
mod fresh_or_scoped;
mod public;
mod signed_in;

pub use allowed::Allowed;
pub use contract::{Caller, Policy};
pub use fresh::Fresh;
pub use fresh_or_scoped::FreshOrScoped;
pub use public::Public;
pub use signed_in::{InPerson, SignedIn};
