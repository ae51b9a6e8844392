//! Why some statements of this crate are not limited to an account.

pub(crate) const AUTHENTICATION: &str =
    "The caller is known only after the session or the key is read.";

pub(crate) const SIGNING_KEYS: &str = "Signing keys belong to the service, and to no account.";

pub(crate) const ACCESS: &str =
    "The use and the end of sessions and keys are noted for all accounts together.";
