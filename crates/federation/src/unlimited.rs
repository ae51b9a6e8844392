//! Why some statements of this crate are not limited to an account.

pub(crate) const BY_STATE: &str =
    "An external sign-in that has not finished belongs to no account: it is found by its state.";

pub(crate) const BY_GRANT: &str =
    "The caller is an application: a code, a token or a secret identifies the account.";

pub(crate) const SIGNED_OUT: &str =
    "The caller is not signed in: the account is found by its identity at the provider.";

pub(crate) const PUBLISHED: &str =
    "What the server publishes about itself and its applications belongs to no account.";
