//! Random bytes.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroize as _;

/// A source of random bytes: the operating system, or a seed for tests.
#[derive(Clone, Debug, Default)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System(Arc<Mutex<Drawn>>),
    Seeded(Arc<Mutex<Seeded>>),
}

/// Buffered random bytes of the system: a system call takes about a microsecond for any size, and a
/// request needs a dozen small draws. Used bytes are wiped.
struct Drawn {
    bytes: [u8; 1024],
    used: usize,
}

struct Seeded {
    seed: u64,
    drawn: u64,
}

impl Random {
    /// Creates a reproducible source for tests: the same seed gives the same bytes in the same
    /// order. Never use it for secrets.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(Seeded {
            seed,
            drawn: 0,
        }))))
    }

    /// Fills `buffer` with random bytes.
    ///
    /// # Panics
    /// Panics if the operating system provides no random bytes, because there is no safe way to
    /// continue.
    pub fn fill(&self, buffer: &mut [u8]) {
        match &self.0 {
            Source::System(drawn) => drawn
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill(buffer),
            Source::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in buffer.chunks_mut(32) {
                    let input = [state.seed.to_be_bytes(), state.drawn.to_be_bytes()].concat();
                    state.drawn += 1;
                    chunk.copy_from_slice(&digest(&SHA256, &input).as_ref()[..chunk.len()]);
                }
            }
        }
    }

    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

impl Drawn {
    fn fill(&mut self, buffer: &mut [u8]) {
        if buffer.len() > self.bytes.len() / 8 {
            return system(buffer);
        }
        if self.used + buffer.len() > self.bytes.len() {
            system(&mut self.bytes);
            self.used = 0;
        }

        let next = &mut self.bytes[self.used..self.used + buffer.len()];
        buffer.copy_from_slice(next);
        next.zeroize();
        self.used += buffer.len();
    }
}

#[expect(
    clippy::expect_used,
    reason = "without random bytes nothing is safe to do"
)]
fn system(buffer: &mut [u8]) {
    aws_lc_rs::rand::fill(buffer).expect("the operating system provides random bytes");
}

impl Default for Source {
    fn default() -> Self {
        let bytes = [0; 1024];
        Self::System(Arc::new(Mutex::new(Drawn {
            used: bytes.len(),
            bytes,
        })))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System(_) => "System",
            Self::Seeded(_) => "Seeded",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_is_reproducible_and_the_system_is_not() {
        assert_eq!(
            Random::seeded(7).bytes::<40>(),
            Random::seeded(7).bytes::<40>()
        );
        assert_ne!(
            Random::seeded(7).bytes::<16>(),
            Random::seeded(8).bytes::<16>()
        );
        assert_ne!(
            Random::default().bytes::<16>(),
            Random::default().bytes::<16>()
        );
    }

    #[test]
    fn buffered_bytes_are_returned_once() {
        let random = Random::default();
        let drawn: HashSet<[u8; 12]> = (0..10_000).map(|_| random.bytes()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert!(!drawn.contains(&[0; 12]), "wiped bytes were returned");
    }

    #[test]
    fn draws_differ_from_one_another() {
        let random = Random::seeded(1);
        assert_ne!(random.bytes::<16>(), random.bytes::<16>());
    }
}
