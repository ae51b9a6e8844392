//! Passwords: Argon2id (RFC 9106), at a bounded cost in processors and memory.
//!
//! This is where a login spends its time, and where a flood of logins would spend everything: so the computations that
//! run at once are bounded, and so are the callers that wait; more are told at once that the service is busy. What makes
//! a good password, and how often one may be tried, is not decided here.

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

/// Hashes and verifies passwords. A clone shares the same bounds.
#[derive(Clone)]
pub struct PasswordHasher {
    parameters: Argon2Parameters,
    random: Random,
    computer: Computer,
    dummy: StoredHash,
}

/// What a password is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one, or there is none.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and its hash was made with other parameters than today's: hash it anew.
    RightButOutdated,
}

impl PasswordHasher {
    /// A hasher that runs at most `concurrency` computations at once (the number of cores, usually; at least 1) while at
    /// most `waiting` more callers wait for their turn. It comes to hold `concurrency` times the memory of one.
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

    /// Compares a password with the stored hash, of the parameters that it names.
    ///
    /// `None`, for an account that does not exist or has no password, does the same work against a dummy and is always
    /// [`Verdict::Wrong`], so that the time does not tell which accounts exist (OWASP ASVS 6.3.8).
    ///
    /// # Errors
    /// [`HashError::Stored`] before any work is done; otherwise as [`hash`](Self::hash).
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

    /// What has been computed so far, for metrics and tests.
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
