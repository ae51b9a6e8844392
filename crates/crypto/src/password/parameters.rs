//! The cost of hashing a password.

use argon2::Params;

use super::hash_error::HashError;

/// The cost of one computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Parameters {
    /// Memory in KiB, at least 8 for each lane.
    pub memory_kib: u32,
    /// Passes over the memory, at least 1.
    pub iterations: u32,
    /// Lanes, at least 1. They are computed one after another: a computation never uses more than
    /// one core.
    pub parallelism: u32,
}

impl Default for Argon2Parameters {
    /// 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet).
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        }
    }
}

impl Argon2Parameters {
    /// Whether this is at least one of the equally strong settings of the OWASP Password Storage
    /// Cheat Sheet.
    pub fn meet_owasp(&self) -> bool {
        const SETTINGS: [(u32, u32); 5] = [
            (47_104, 1),
            (19_456, 2),
            (12_288, 3),
            (9_216, 4),
            (7_168, 5),
        ];

        self.params().is_ok()
            && SETTINGS
                .iter()
                .any(|&(memory, passes)| self.memory_kib >= memory && self.iterations >= passes)
    }

    pub(super) fn params(&self) -> Result<Params, HashError> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None)
            .map_err(|_| HashError::Parameters)
    }
}
