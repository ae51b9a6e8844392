//! The problems of external sign-in.

use http::StatusCode;
use mainstay_http::Kind;

/// The provider's response is invalid, or was used already.
pub(crate) const EXTERNAL_SIGN_IN_REFUSED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "external_sign_in_refused",
    "The external sign-in is invalid, has expired or was used already. Start again.",
);

/// The provider does not respond as expected.
pub(crate) const PROVIDER_UNAVAILABLE: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "provider_unavailable",
    "The provider is not available. Try again later, or sign in another way.",
);

/// The identity is not linked to an account, and the provider's settings do not allow sign-up.
pub(crate) const NO_ACCOUNT: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "no_account",
    "This identity is not linked to an account. Sign in another way, then link it.",
);

/// The provider has not verified the person's address, so no account can be created with it.
pub(crate) const EMAIL_UNVERIFIED: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "email_unverified",
    "The provider has not verified your e-mail address. Verify it there, then try again.",
);

/// An account has the person's address. It may be another person's.
pub(crate) const ACCOUNT_EXISTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "account_exists",
    "An account with your e-mail address exists. Sign in another way, then link this identity.",
);

/// The identity is linked already.
pub(crate) const IDENTITY_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "identity_taken",
    "This identity is already linked to an account.",
);
