//! The functions of the schema that a limited statement may call.

use super::owned::{
    Argument::{Any, Deleted, OwnerAt},
    Function,
};

/// The functions, each with what limits its calls for a person and for an organization.
pub(super) const FUNCTIONS: &[Function] = &[
    // Attempts and requests are counted under keyed hashes, which belong to no one.
    Function::new("mainstay.admit_attempt", Some(Any), Some(Any)),
    Function::new("mainstay.admit_request", Some(Any), Some(Any)),
    Function::new("mainstay.attempts_wait_until", Some(Any), Some(Any)),
    Function::new("mainstay.count_refusal", Some(Any), Some(Any)),
    Function::new("mainstay.settle_attempt", Some(Any), Some(Any)),
    // They compare permissions, or count rows against a maximum.
    Function::new("mainstay.credential_permissions", Some(Any), Some(Any)),
    Function::new("mainstay.has_room", Some(Any), Some(Any)),
    Function::new("mainstay.role_exceeds", None, Some(Any)),
    Function::new("mainstay.member_exceeds", None, Some(OwnerAt(1))),
    // They read or write the rows of one account, or of its part in one organization.
    Function::new("mainstay.end_sessions", Some(OwnerAt(0)), Some(OwnerAt(1))),
    Function::new("mainstay.is_last_owner", Some(OwnerAt(0)), None),
    Function::new("mainstay.is_last_way_in", Some(OwnerAt(0)), None),
    Function::new("mainstay.live_keys", Some(OwnerAt(0)), None),
    Function::new("mainstay.password_needs", Some(OwnerAt(0)), None),
    Function::new("mainstay.delete_own_rows", Some(OwnerAt(0)), None),
    Function::new(
        "mainstay.forget_account",
        Some(OwnerAt(0)),
        Some(Deleted("id")),
    ),
    Function::new(
        "mainstay.destroy_data_key",
        Some(Deleted("data_key")),
        Some(Deleted("data_key")),
    ),
];
