//! The sealed tables of accounts: see [`SealedTable`].

use mainstay_database::{
    Erasure, IndexLength, KeyHolder, Scope, SealedColumn, SealedIndex, SealedTable, Uniqueness,
    normalised,
};
use mainstay_kernel::EmailAddress;

/// The accounts. Only people have an address and a key; service accounts do not.
pub(super) fn users() -> SealedTable {
    SealedTable {
        table: "mainstay.users",
        resource: "user",
        id: "id",
        subject: "id",
        scope: Scope::Nowhere,
        key: KeyHolder::Row,
        columns: vec![SealedColumn::at("mainstay.users", "email")],
        indexes: vec![address_index(Uniqueness::Module)],
        erasure: Erasure::Delete,
    }
}

/// New addresses that are not confirmed yet. They are sealed for the column `users.email`.
pub(super) fn email_changes() -> SealedTable {
    SealedTable {
        indexes: vec![address_index(Uniqueness::None)],
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

/// The index that finds accounts by address, in any table that has the column.
pub fn address_index(uniqueness: Uniqueness) -> SealedIndex {
    SealedIndex {
        column: "email_index",
        source: "email",
        bound_to: ("mainstay.users", "email_index"),
        scope: Scope::Nowhere,
        length: IndexLength::Unique,
        uniqueness,
        normalised: normalised::<EmailAddress>,
    }
}

/// A table whose rows belong to an account and are sealed under its key.
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
