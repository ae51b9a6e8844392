//! Why some statements of this crate are not limited to an organization.

pub(crate) const BY_TOKEN: &str =
    "An invitation is found by its token, before its organization is known.";

pub(crate) const BY_ADDRESS: &str =
    "An address may belong to any account: the letter goes to the spelling that the account has.";
