//! Passwords: Argon2id (RFC 9106), at a bounded cost in CPU and memory.
//!
//! A login spends most of its time here, and a flood of logins could use up all CPU and memory. The
//! number of concurrent computations and of waiting callers is therefore bounded; further callers
//! get [`HashError::Busy`] immediately. The rules for good passwords and the limits on attempts
//! live elsewhere.

mod computer;
mod hash_error;
mod parameters;
mod stored;

use std::fmt;

use mainstay_kernel::{Random, SecretString};

use crate::same_bytes;
pub use computer::Statistics;
pub use hash_error::HashError;
pub use parameters::Argon2Parameters;

use computer::Computer;
use stored::{SALT_LENGTH, StoredHash};

/// Hashes and verifies passwords. Clones share the same limits.
#[derive(Clone)]
pub struct PasswordHasher {
    parameters: Argon2Parameters,
    random: Random,
    computer: Computer,
    dummy: StoredHash,
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong, or the account has none.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, but its hash was made with other parameters than the current ones:
    /// hash it again.
    RightButOutdated,
}

impl PasswordHasher {
    /// A hasher that runs at most `concurrency` computations at once (usually the number of cores;
    /// at least 1) while at most `waiting` more callers wait. Its memory use grows to that of
    /// `concurrency` computations, and is freed some seconds after the last one.
    pub fn new(
        parameters: Argon2Parameters,
        concurrency: usize,
        waiting: usize,
        random: Random,
    ) -> Self {
        let dummy = StoredHash::dummy(parameters, &random);
        Self {
            parameters,
            random,
            computer: Computer::new(concurrency, waiting),
            dummy,
        }
    }

    /// The hash to store: a PHC string with its parameters and a fresh salt of 16 bytes.
    ///
    /// # Errors
    /// [`HashError::Busy`], [`HashError::Parameters`] or [`HashError::Interrupted`].
    pub async fn hash(&self, password: &SecretString) -> Result<String, HashError> {
        let salt = self.random.bytes::<SALT_LENGTH>();
        let mut hash = StoredHash::unfinished(self.parameters, salt);
        hash.output = self.computer.compute(password, &hash).await?;
        hash.to_phc()
    }

    /// Compares a password with the stored hash, using the parameters that the hash names.
    ///
    /// `None`, for an account that does not exist or has no password, does the same work with a
    /// dummy hash and is always [`Verdict::Wrong`], so that the time does not reveal which accounts
    /// exist (OWASP ASVS 6.3.8).
    ///
    /// # Errors
    /// [`HashError::Stored`] before any work is done; otherwise like [`hash`](Self::hash).
    pub async fn verify(
        &self,
        password: &SecretString,
        stored: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let expected = match stored {
            Some(text) => StoredHash::parse(text, self.parameters)?,
            None => self.dummy.clone(),
        };

        let output = self.computer.compute(password, &expected).await?;
        let right = same_bytes(&output, &expected.output) && stored.is_some();

        Ok(match (right, expected.parameters == self.parameters) {
            (false, _) => Verdict::Wrong,
            (true, true) => Verdict::Right,
            (true, false) => Verdict::RightButOutdated,
        })
    }

    /// Counts of the computations so far, for metrics and tests.
    pub fn statistics(&self) -> Statistics {
        self.computer.statistics()
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
