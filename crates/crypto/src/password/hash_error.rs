//! Why there is no hash and no verdict.

use thiserror::Error;

/// Why there is no hash and no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    /// As many callers wait as may; answer 503 and let the client come back.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The stored hash is not Argon2id of version 1.3 in PHC form, or asks for more than a login may cost.
    #[error("the stored password hash is unreadable or asks for too much")]
    Stored,
    /// Argon2 does not take the configured parameters.
    #[error("the configured Argon2 parameters are out of range")]
    Parameters,
    /// The service is shutting down.
    #[error("the computation was not finished")]
    Interrupted,
}
