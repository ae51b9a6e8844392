//! Where an account's address stands: sealed, and under the index by which accounts are found.

use mainstay_crypto::{Cell, IndexLength, IndexPlace};
use mainstay_kernel::Uuid;

use super::key::NOWHERE;

/// Where an account's address stands.
pub fn email_cell(user: Uuid) -> Cell<'static> {
    Cell {
        organization: NOWHERE,
        table: "mainstay.users",
        column: "email",
        row: user,
    }
}

/// Where the index stands under which accounts are found: full length, since two accounts never share an address.
pub fn email_index() -> IndexPlace<'static> {
    IndexPlace {
        organization: NOWHERE,
        table: "mainstay.users",
        column: "email_index",
        length: IndexLength::Unique,
    }
}

/// The constraints that say that another account has the address: of the index itself, and of what it is under each key of
/// the ring, since while keys are rotated another replica may index under another key.
pub const ADDRESS_TAKEN: [&str; 2] = ["users_email_key", "unique_indexes_pkey"];
