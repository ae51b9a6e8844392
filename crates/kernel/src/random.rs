use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

/// Where random bytes come from: the operating system, or a seed that a test hands in.
#[derive(Clone, Debug, Default)]
pub struct Random(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Seeded(Arc<Mutex<Seeded>>),
}

struct Seeded {
    seed: u64,
    drawn: u64,
}

impl Random {
    /// A repeatable source for tests: the same seed gives the same bytes in the same order. Never for secrets.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(Seeded { seed, drawn: 0 }))))
    }

    /// Fills `buffer` with random bytes.
    ///
    /// # Panics
    /// When the operating system has no random bytes to give: there is no safe way to go on.
    pub fn fill(&self, buffer: &mut [u8]) {
        match &self.0 {
            #[expect(clippy::expect_used, reason = "without random bytes nothing is safe to do")]
            Source::System => aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes"),
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

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Seeded(_) => "Seeded",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Random::seeded(7).bytes::<40>(), Random::seeded(7).bytes::<40>());
        assert_ne!(Random::seeded(7).bytes::<16>(), Random::seeded(8).bytes::<16>());
        assert_ne!(Random::default().bytes::<16>(), Random::default().bytes::<16>());
    }

    #[test]
    fn draws_differ_from_one_another() {
        let random = Random::seeded(1);
        assert_ne!(random.bytes::<16>(), random.bytes::<16>());
    }
}
