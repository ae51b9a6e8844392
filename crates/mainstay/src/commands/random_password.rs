//! Passwords drawn at random.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_kernel::Random;

/// 144 random bits, as text that can be typed.
pub(super) fn random_password(random: &Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<18>())
}
