//! Valid values for a JSON Schema, and values that break one rule of it, for the bodies and
//! parameters of any operation. It knows the keywords that the platform's documents use and ignores
//! others: a `pattern` without an `example` gets plain text, and the sweep that sends it reports
//! how the service answered.

mod values;
mod violations;

pub use values::Schemas;
pub use violations::Violation;

#[cfg(test)]
mod tests;
