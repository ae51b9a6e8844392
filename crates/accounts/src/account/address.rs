//! The sealed address of an account, and the blind index that finds accounts by address.

use mainstay_crypto::{Cell, IndexLength, IndexPlace};
use mainstay_kernel::Uuid;

use super::key::NOWHERE;

/// The cell of an account's sealed address.
pub fn email_cell(user: Uuid) -> Cell<'static> {
    Cell {
        organization: NOWHERE,
        table: "mainstay.users",
        column: "email",
        row: user,
    }
}

/// The place of the index that finds accounts by address. It has full length, because addresses are
/// unique.
pub fn email_index() -> IndexPlace<'static> {
    IndexPlace {
        organization: NOWHERE,
        table: "mainstay.users",
        column: "email_index",
        length: IndexLength::Unique,
    }
}

/// The constraints that are violated if another account has the address: one on the index column,
/// and one on the index under every key of the ring, because during a key rotation another replica
/// may use another key.
pub const ADDRESS_TAKEN: [&str; 2] = ["users_email_key", "unique_indexes_pkey"];
