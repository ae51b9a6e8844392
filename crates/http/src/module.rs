use mainstay_access::Declared;
use mainstay_database::{Entity, PrivateColumn, SealedTable};

use crate::{Declaration, Endpoints, Page};

/// A feature: its name, its endpoints, and what else it brings.
///
/// ```ignore
/// pub fn module() -> Module {
///     Module::new("customers").endpoints((list_customers, create_customer, get_customer))
/// }
/// ```
pub struct Module {
    name: &'static str,
    declarations: Vec<Declaration>,
    pages: Vec<Page>,
    permissions: Vec<Declared>,
    tables: Vec<SealedTable>,
    private_columns: Vec<PrivateColumn>,
}

impl Module {
    /// A feature without endpoints yet. Its name is a heading of the document.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            declarations: Vec::new(),
            pages: Vec::new(),
            permissions: Vec::new(),
            tables: Vec::new(),
            private_columns: Vec::new(),
        }
    }

    /// Adds endpoints.
    #[must_use]
    pub fn endpoints(mut self, endpoints: impl Endpoints) -> Self {
        self.declarations.extend(endpoints.declarations());
        self
    }

    /// Adds pages beside the endpoints.
    #[must_use]
    pub fn pages(mut self, pages: impl IntoIterator<Item = Page>) -> Self {
        self.pages.extend(pages);
        self
    }

    /// Adds a permission that no endpoint demands as a whole: what it widens, the endpoint looks up itself.
    #[must_use]
    pub fn permission(mut self, permission: Declared) -> Self {
        self.permissions.push(permission);
        self
    }

    /// Adds a row type: what is sealed of it is known to the commands that rotate keys, and to whatever goes over all that
    /// is kept of a person.
    #[must_use]
    pub fn entity<E: Entity>(self) -> Self {
        self.table(SealedTable::of::<E>())
    }

    /// Adds a table with sealed columns that is written by hand.
    #[must_use]
    pub fn table(mut self, table: SealedTable) -> Self {
        self.tables.push(table);
        self
    }

    /// Adds a column of boxes that the service seals for itself.
    #[must_use]
    pub fn private_column(mut self, column: PrivateColumn) -> Self {
        self.private_columns.push(column);
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its endpoints.
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    /// Its pages.
    pub fn added_pages(&self) -> &[Page] {
        &self.pages
    }

    /// Its tables.
    pub fn tables(&self) -> &[SealedTable] {
        &self.tables
    }

    /// Its columns of private boxes.
    pub fn private_columns(&self) -> &[PrivateColumn] {
        &self.private_columns
    }

    /// The permissions that it knows beyond those of its endpoints.
    pub fn added_permissions(&self) -> &[Declared] {
        &self.permissions
    }
}
