use std::{
    any::{Any, TypeId},
    sync::Arc,
};

use mainstay_access::Declared;
use mainstay_database::{Entity, PrivateColumn, Retention, SealedTable};
use serde::Serialize;

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
    plain_tables: Vec<(&'static str, &'static str)>,
    retention: Vec<Retention>,
    recipients: Vec<Recipient>,
    shared: Vec<SharedValue>,
    awaited: Vec<TypeId>,
}

/// A value that endpoints take as [`Shared`](crate::Shared), and its type.
pub type SharedValue = (TypeId, Arc<dyn Any + Send + Sync>);

/// Somebody outside of the service to whom personal data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// Who.
    pub who: &'static str,
    /// What they get.
    pub what: &'static str,
    /// On what occasion, and whether it depends on a setting.
    pub when: &'static str,
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
            plain_tables: Vec::new(),
            retention: Vec::new(),
            recipients: Vec::new(),
            shared: Vec::new(),
            awaited: Vec::new(),
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

    /// Says that it keeps a table, and how long a row stays there, where no [`retain`](Self::retain) says so: for the record
    /// of processing.
    #[must_use]
    pub fn keeping(mut self, table: &'static str, retention: &'static str) -> Self {
        self.plain_tables.push((table, retention));
        self
    }

    /// Adds a rule by which rows are erased or deleted when their time is over.
    #[must_use]
    pub fn retain(mut self, rule: Retention) -> Self {
        self.retention.push(rule);
        self
    }

    /// Adds somebody to whom personal data goes: for the record of processing.
    #[must_use]
    pub fn recipient(mut self, recipient: Recipient) -> Self {
        self.recipients.push(recipient);
        self
    }

    /// Shares a value with the endpoints of all modules, which take it as [`Shared<T>`](crate::Shared). There is one of a type.
    #[must_use]
    pub fn share<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.shared.push((TypeId::of::<T>(), Arc::new(value)));
        self
    }

    /// Says that the service shares a `T` once it is put together, since the module cannot make one by itself.
    #[must_use]
    pub fn awaits<T: Any + Send + Sync>(mut self) -> Self {
        self.awaited.push(TypeId::of::<T>());
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

    /// Whether it is the one that keeps a table.
    pub fn keeps(&self, table: &str) -> bool {
        self.tables.iter().any(|known| known.table == table)
            || self.plain_tables.iter().any(|(name, _)| *name == table)
    }

    /// What it says of how long the rows of a table stay.
    pub fn retention_of(&self, table: &str) -> Option<&'static str> {
        self.plain_tables
            .iter()
            .find(|(name, _)| *name == table)
            .map(|(_, retention)| *retention)
    }

    /// Its retention rules.
    pub fn retention_rules(&self) -> &[Retention] {
        &self.retention
    }

    /// To whom it gives personal data.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// What it shares.
    pub fn shared_values(&self) -> &[SharedValue] {
        &self.shared
    }

    /// The types of what it shares, at once or later.
    pub(crate) fn shared_types(&self) -> impl Iterator<Item = TypeId> + '_ {
        self.shared
            .iter()
            .map(|(id, _)| *id)
            .chain(self.awaited.iter().copied())
    }

    /// The permissions that it knows beyond those of its endpoints.
    pub fn added_permissions(&self) -> &[Declared] {
        &self.permissions
    }
}
