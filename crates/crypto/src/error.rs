//! The errors of opening sealed data.

use thiserror::Error;

/// Why sealed data could not be opened. The messages contain neither data nor keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The bytes do not have the format of this version, or the plaintext is not a value of the
    /// expected type.
    #[error("the sealed data has an unknown format")]
    Malformed,
    /// The bytes name a different key.
    #[error("the sealed data names an unknown key")]
    UnknownKey,
    /// The bytes were altered, or sealed for another place or with another key of the same id.
    #[error("the sealed data is not authentic for this place")]
    Refused,
}
