//! The hasher of passwords, as every process of the service has it.

use std::num::NonZero;

use mainstay_crypto::{Argon2Parameters, PasswordHasher};
use mainstay_kernel::Runtime;

/// How many sign-ins wait for the hasher at most; more are answered 503.
const WAITING_SIGN_INS: usize = 64;

/// One computation for every two cores: a flood of sign-ins leaves the other half to those who are signed in. Each takes
/// 19 MiB.
pub(crate) fn hasher(runtime: Runtime) -> PasswordHasher {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    PasswordHasher::new(
        Argon2Parameters::default(),
        cores.div_ceil(2),
        WAITING_SIGN_INS,
        runtime.random,
    )
}
