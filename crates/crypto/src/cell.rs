//! The place of a sealed value.

use mainstay_kernel::Uuid;

use crate::associated_data::AssociatedData;

/// Where a sealed value is stored. The place is authenticated with the value, so that a ciphertext
/// copied to another organization, table, column or row cannot be opened there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The tenant that owns the row.
    pub organization: Uuid,
    /// The table's name in the database.
    pub table: &'a str,
    /// The column's name in the database.
    pub column: &'a str,
    /// The row's primary key.
    pub row: Uuid,
}

impl Cell<'_> {
    /// The associated data of a value that is stored here behind `header`.
    pub(crate) fn associated_data(&self, header: &[u8]) -> AssociatedData {
        AssociatedData::new(
            header,
            [
                b"cell",
                self.organization.as_bytes(),
                self.table.as_bytes(),
                self.column.as_bytes(),
                self.row.as_bytes(),
            ],
        )
    }
}
