//! Modules: everything that a feature adds to the service.

use std::{
    any::{Any, TypeId},
    sync::Arc,
};

use mainstay_access::Declared;
use mainstay_database::{Entity, PrivateColumn, Retention, SealedTable};
use serde::Serialize;

use crate::{Declaration, Endpoints, WebPage};

/// A feature: its name, its endpoints, and everything else that it adds to the service.
///
/// ```ignore
/// pub fn module() -> Module {
///     Module::new("customers").endpoints((list_customers, create_customer, get_customer))
/// }
/// ```
pub struct Module {
    name: &'static str,
    declarations: Vec<Declaration>,
    pages: Vec<WebPage>,
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

/// A recipient of personal data outside of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The recipient.
    pub who: &'static str,
    /// The data that they receive.
    pub what: &'static str,
    /// The occasion, and the setting that it depends on, if any.
    pub when: &'static str,
}

impl Module {
    /// Creates a module without endpoints. Its name is a tag in the API document.
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

    /// Adds pages.
    #[must_use]
    pub fn pages(mut self, pages: impl IntoIterator<Item = WebPage>) -> Self {
        self.pages.extend(pages);
        self
    }

    /// Adds a permission that is not the policy of any endpoint: an endpoint checks for it itself.
    #[must_use]
    pub fn permission(mut self, permission: Declared) -> Self {
        self.permissions.push(permission);
        self
    }

    /// Adds a row type, so that key rotation, export and erasure cover its sealed columns.
    #[must_use]
    pub fn entity<E: Entity>(self) -> Self {
        self.table(SealedTable::of::<E>())
    }

    /// Adds a table with sealed columns that was declared by hand.
    #[must_use]
    pub fn table(mut self, table: SealedTable) -> Self {
        self.tables.push(table);
        self
    }

    /// Adds a column whose values the service seals for itself, not for a person.
    #[must_use]
    pub fn private_column(mut self, column: PrivateColumn) -> Self {
        self.private_columns.push(column);
        self
    }

    /// Declares a table and describes how long its rows are kept, if no [`retain`](Self::retain)
    /// rule applies. For the record of processing activities.
    #[must_use]
    pub fn keeping(mut self, table: &'static str, retention: &'static str) -> Self {
        self.plain_tables.push((table, retention));
        self
    }

    /// Adds a rule that erases or deletes rows when their retention period is over.
    #[must_use]
    pub fn retain(mut self, rule: Retention) -> Self {
        self.retention.push(rule);
        self
    }

    /// Adds a recipient of personal data, for the record of processing activities.
    #[must_use]
    pub fn recipient(mut self, recipient: Recipient) -> Self {
        self.recipients.push(recipient);
        self
    }

    /// Shares a value with the endpoints of all modules, which take it as
    /// [`Shared<T>`](crate::Shared). There can be one value of each type.
    #[must_use]
    pub fn share<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.shared.push((TypeId::of::<T>(), Arc::new(value)));
        self
    }

    /// Declares that the service will share a `T` later, because the module cannot create one
    /// itself.
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
    pub fn added_pages(&self) -> &[WebPage] {
        &self.pages
    }

    /// Its tables.
    pub fn tables(&self) -> &[SealedTable] {
        &self.tables
    }

    /// Its columns that the service seals for itself.
    pub fn private_columns(&self) -> &[PrivateColumn] {
        &self.private_columns
    }

    /// Whether it declares a table.
    pub fn keeps(&self, table: &str) -> bool {
        self.tables.iter().any(|known| known.table == table)
            || self.plain_tables.iter().any(|(name, _)| *name == table)
    }

    /// The description of how long the rows of a table are kept.
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

    /// Its recipients of personal data.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// The values that it shares.
    pub fn shared_values(&self) -> &[SharedValue] {
        &self.shared
    }

    /// The types of the values that it shares, now or later.
    pub(crate) fn shared_types(&self) -> impl Iterator<Item = TypeId> + '_ {
        self.shared
            .iter()
            .map(|(id, _)| *id)
            .chain(self.awaited.iter().copied())
    }

    /// Its permissions that are not policies of its endpoints.
    pub fn added_permissions(&self) -> &[Declared] {
        &self.permissions
    }
}
