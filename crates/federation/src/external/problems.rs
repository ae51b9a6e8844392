//! Why a sign-in elsewhere is refused.

use http::StatusCode;
use mainstay_http::Kind;

/// The provider, or what it says, was not accepted.
pub(crate) const EXTERNAL_SIGN_IN_REFUSED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "external_sign_in_refused",
    "The sign-in elsewhere was not accepted, or was used already: begin again.",
);

/// The provider does not answer as it should.
pub(crate) const PROVIDER_UNAVAILABLE: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "provider_unavailable",
    "The provider does not answer as it should: try again later, or sign in another way.",
);

/// Nobody here goes by the identity, and the provider's people get no accounts by themselves.
pub(crate) const NO_ACCOUNT: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "no_account",
    "No account goes by this identity: sign in another way, then link it to your account.",
);

/// The provider has not checked the person's address, so no account can be made with it.
pub(crate) const EMAIL_UNVERIFIED: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "email_unverified",
    "The provider does not vouch for your e-mail address, which an account needs.",
);

/// An account has the person's address. It may be another person's.
pub(crate) const ACCOUNT_EXISTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "account_exists",
    "An account has your e-mail address already: sign in to it another way, then link this principals.",
);

/// The identity is linked already.
pub(crate) const IDENTITY_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "identity_taken",
    "This identity is linked to an account already.",
);
