//! The delay between attempts.

use std::time::Duration;

use mainstay_kernel::Random;

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The delay after attempt `attempt` (from 1) failed. It doubles each time, up to an hour, and is
/// reduced by up to half at random, so that jobs that failed together are not retried together.
pub(crate) fn wait(attempt: i32, first: Duration, random: &Random) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or_default();
    let whole = first
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST);
    let share = f64::from(u32::from_be_bytes(random.bytes())) / f64::from(u32::MAX);

    whole.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_an_hour_and_have_jitter() {
        let random = Random::seeded(1);
        let first = Duration::from_secs(2);

        for (attempt, whole) in [
            (1, 2),
            (2, 4),
            (3, 8),
            (11, 2_048),
            (12, 3_600),
            (i32::MAX, 3_600),
            (0, 2),
        ] {
            let waits: Vec<_> = (0..100).map(|_| wait(attempt, first, &random)).collect();
            let (half, whole) = (Duration::from_secs(whole) / 2, Duration::from_secs(whole));
            assert!(
                waits.iter().all(|wait| (half..=whole).contains(wait)),
                "{attempt}: {waits:?}"
            );
            assert!(
                waits.iter().any(|wait| *wait != waits[0]),
                "{attempt}: no jitter"
            );
        }
    }
}
