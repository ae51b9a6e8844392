//! The password hasher of a process.

use std::num::NonZero;

use mainstay_crypto::{Argon2Parameters, PasswordHasher};
use mainstay_kernel::Runtime;

/// Maximum number of sign-ins that wait for the hasher; more receive 503.
const MAX_WAITING_SIGN_INS: usize = 64;

/// Creates the password hasher. It computes at most one hash per two cores, so that a flood of
/// sign-ins leaves half of them for other requests. Each hash takes 19 MiB.
pub(crate) fn hasher(runtime: Runtime) -> PasswordHasher {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);

    PasswordHasher::new(
        Argon2Parameters::default(),
        cores.div_ceil(2),
        MAX_WAITING_SIGN_INS,
        runtime.random,
    )
}
