//! What is sealed of accounts: see [`SealedTable`].

use mainstay_database::{
    Erasure, IndexLength, KeyHolder, Scope, SealedColumn, SealedIndex, SealedTable, normalised,
};

use mainstay_kernel::EmailAddress;

/// Accounts themselves. Only persons have an address and a key.
pub(super) fn users() -> SealedTable {
    SealedTable {
        table: "mainstay.users",
        resource: "user",
        id: "id",
        subject: "id",
        scope: Scope::Nowhere,
        key: KeyHolder::Row,
        columns: vec![SealedColumn::at("mainstay.users", "email")],
        indexes: vec![address_index(true)],
        erasure: Erasure::Delete,
    }
}

/// New addresses that wait to be confirmed: sealed for where they are going.
pub(super) fn email_changes() -> SealedTable {
    SealedTable {
        indexes: vec![address_index(false)],
        ..of_account(
            "mainstay.email_changes",
            "user_id",
            vec![SealedColumn {
                column: "email",
                bound_to: ("mainstay.users", "email"),
            }],
        )
    }
}

/// The index under which accounts are found, also where it stands in another table.
pub fn address_index(claimed: bool) -> SealedIndex {
    SealedIndex {
        column: "email_index",
        source: "email",
        bound_to: ("mainstay.users", "email_index"),
        scope: Scope::Nowhere,
        length: IndexLength::Unique,
        claimed,
        normalised: normalised::<EmailAddress>,
    }
}

/// A table whose rows belong to an account, and are sealed under its key.
pub fn of_account(
    table: &'static str,
    id: &'static str,
    columns: Vec<SealedColumn>,
) -> SealedTable {
    SealedTable {
        table,
        resource: "user",
        id,
        subject: "user_id",
        scope: Scope::Nowhere,
        key: KeyHolder::Other {
            table: "mainstay.users",
            column: "user_id",
        },
        columns,
        indexes: Vec::new(),
        erasure: Erasure::Delete,
    }
}
