//! Values that are written the same way in JSON, in queries and in paths: each has one canonical
//! text, a JSON Schema and a range that Postgres accepts, so that rows, inputs and views share a
//! type.

mod bytes;
mod date;
mod decimal;
mod interval;
mod json_of;
mod network_address;
mod text_form;
mod time_of_day;

pub use bytes::Bytes;
pub use date::Date;
pub use decimal::Decimal;
pub use interval::Interval;
pub use json_of::JsonOf;
pub use network_address::NetworkAddress;
pub use text_form::InvalidText;
pub use time_of_day::TimeOfDay;
