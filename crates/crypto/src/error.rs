//! Why something sealed was not opened.

use thiserror::Error;

/// Why something sealed was not opened. The messages hold neither data nor keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The bytes do not have the layout of this version, or what they held is no value of the wanted type.
    #[error("the sealed bytes are not of a known layout")]
    Malformed,
    /// The bytes name a key that is not the one at hand.
    #[error("the sealed bytes name a key that is not at hand")]
    UnknownKey,
    /// The bytes were altered, or sealed for another place or under another key of the same name.
    #[error("the sealed bytes are not authentic in this place")]
    Refused,
}
