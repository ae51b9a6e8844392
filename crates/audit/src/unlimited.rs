//! Why the statements of this crate are not limited to an organization.

pub(crate) const LOG: &str = "The log and its seal cover the records of all organizations.";
