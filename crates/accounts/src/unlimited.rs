//! Why some statements of this crate are not limited to an account.

pub(crate) const SIGNED_OUT: &str =
    "The caller is not signed in: the account is found by its address, a passkey or a token.";

pub(crate) const COLLEAGUE: &str =
    "A letter goes to a colleague, whose account is not the caller's.";

pub(crate) const BY_ADDRESS: &str =
    "An address may belong to any account: the new address of an account is looked up among all.";
