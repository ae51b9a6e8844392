//! The filters of listings.

mod condition;
mod groups;
mod json;
mod listing;
mod texts;

pub(crate) use condition::Condition;
pub use groups::Group;
pub use json::JsonScalar;
pub use listing::{Filter, Whole};
pub use texts::TextSearch;
