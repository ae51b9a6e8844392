//! Where a sealed value lives.

use mainstay_kernel::Uuid;

use crate::associated_data::AssociatedData;

/// Where a sealed value lives. It is authenticated with the value, so that a ciphertext that is copied to another
/// organization, table, column or row does not open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The tenant that owns the row.
    pub organization: Uuid,
    /// The table's name as the database knows it.
    pub table: &'a str,
    /// The column's name as the database knows it.
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
