//! The errors of hashing and verifying passwords.

use thiserror::Error;

/// Why a password could not be hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    /// The queue of waiting callers is full: answer with 503, and the client can try again.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The stored hash is not an Argon2id 1.3 hash in PHC format, or its parameters cost more than
    /// a login may.
    #[error("the stored password hash is invalid or too expensive to verify")]
    Stored,
    /// Argon2 does not accept the configured parameters.
    #[error("the configured Argon2 parameters are out of range")]
    Parameters,
    /// The service is shutting down.
    #[error("the password computation was interrupted")]
    Interrupted,
}
