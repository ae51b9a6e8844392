//! Random passwords.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_kernel::Random;

/// A password of 144 random bits, in base64url.
pub(super) fn random_password(random: &Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<18>())
}
