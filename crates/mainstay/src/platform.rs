//! The builder of a service.

use std::sync::Arc;

use mainstay_access::{BuiltInRole, Declared};
use mainstay_database::{
    Job, Migrations, PrivateColumn, Retention, SchemaMigrations, SchemaVersion, SealedTable,
};
use mainstay_http::{
    Api, ApiError, Info, Module, Requirement, SharedValue, WebPage, access_matrix,
};
use mainstay_jobs::{Handler, Periodic};
use mainstay_watch::Rule;

use crate::{Sample, identity::Tenancy, schema::schema};

/// Builder of a service: its modules, migrations, job handlers, watch rules and sample data.
pub struct Platform {
    info: Info,
    /// The app's modules first, so that they come first in the OpenAPI document.
    modules: Vec<Module>,
    /// Number of the app's modules.
    features: usize,
    schema: SchemaMigrations,
    sample: Option<Sample>,
    pages: Vec<WebPage>,
    handlers: Vec<Arc<dyn Handler>>,
    periodic: Vec<Periodic>,
    rules: Vec<Rule>,
    /// Name of the organization and role of new accounts, if the app has a single tenant.
    tenant: Option<(&'static str, BuiltInRole)>,
}

impl Platform {
    /// Creates a service that has only the platform's own modules, such as accounts and the audit
    /// log.
    pub fn new(info: Info) -> Self {
        Self {
            info,
            modules: platform_modules(Tenancy::Several),
            features: 0,
            schema: schema(Migrations::new(&[])),
            sample: None,
            pages: Vec::new(),
            handlers: Vec::new(),
            periodic: Vec::new(),
            rules: Vec::new(),
            tenant: None,
        }
    }

    /// Makes the service one with a single tenant, whose users need not know of organizations.
    ///
    /// `migrate` creates the organization `name`, and every new account joins it as `role`, however
    /// it signs up. The endpoints that create, list, switch, leave and delete organizations do not
    /// exist. People still invite others.
    #[must_use]
    pub fn single_tenant(mut self, name: &'static str, role: BuiltInRole) -> Self {
        self.modules.truncate(self.features);
        self.modules.extend(platform_modules(Tenancy::Single));
        self.tenant = Some((name, role));
        self
    }

    /// Adds a module of the app.
    #[must_use]
    pub fn module(mut self, module: Module) -> Self {
        self.modules.insert(self.features, module);
        self.features += 1;
        self
    }

    /// Sets the app's migrations, as embedded by `refinery::embed_migrations!`. They run after the
    /// platform's, and have separate versions and a separate history.
    #[must_use]
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.schema = schema(migrations);
        self
    }

    /// Sets the sample data for `dev` and `seed`.
    #[must_use]
    pub fn sample(mut self, sample: Sample) -> Self {
        self.sample = Some(sample);
        self
    }

    /// Adds an HTML page.
    #[must_use]
    pub fn page(mut self, page: WebPage) -> Self {
        self.pages.push(page);
        self
    }

    /// Adds the handler for jobs of one kind.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler + 'static) -> Self {
        self.handlers.push(Arc::new(handler));
        self
    }

    /// Adds a periodic task, which one replica runs when it is due.
    #[must_use]
    pub fn periodic(mut self, task: Periodic) -> Self {
        self.periodic.push(task);
        self
    }

    /// Adds a watch rule over the audit log to those of the platform.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Builds the API from the modules' endpoints, and checks their declarations.
    ///
    /// # Errors
    /// [`ApiError`] when declarations contradict each other.
    pub fn api(&self) -> Result<Api, ApiError> {
        Api::new(&self.info, &self.modules)?.with_pages(self.pages.iter().cloned())
    }

    /// Title, version and description of the service.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The modules of the app.
    pub fn features(&self) -> &[Module] {
        &self.modules[..self.features]
    }

    /// The modules of the app, then those of the platform.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The permissions that endpoints require, and those that modules add.
    pub fn permissions(&self) -> Vec<Declared> {
        let demanded =
            access_matrix(&self.modules)
                .into_iter()
                .filter_map(|row| match row.requirement {
                    Requirement::Permission(permission) => Some(permission),
                    Requirement::Public | Requirement::SignedIn | Requirement::InPerson => None,
                });

        demanded
            .chain(
                self.modules
                    .iter()
                    .flat_map(Module::added_permissions)
                    .copied(),
            )
            .collect()
    }

    /// The tables of all modules, with their sealed columns.
    pub fn tables(&self) -> Vec<SealedTable> {
        self.modules
            .iter()
            .flat_map(Module::tables)
            .cloned()
            .collect()
    }

    /// The default retention rules of all modules, without the settings that override them.
    pub fn retention_rules(&self) -> Vec<Retention> {
        self.modules
            .iter()
            .flat_map(Module::retention_rules)
            .cloned()
            .collect()
    }

    /// The columns that are sealed under the key ring instead of a person's data key.
    pub fn private_columns(&self) -> Vec<PrivateColumn> {
        std::iter::once(Job::PAYLOAD)
            .chain(
                self.modules
                    .iter()
                    .flat_map(Module::private_columns)
                    .copied(),
            )
            .collect()
    }

    /// The schema version that this build expects.
    pub fn schema_version(&self) -> SchemaVersion {
        self.schema.version()
    }

    /// The migrations of the platform and of the app.
    pub fn schema(&self) -> &SchemaMigrations {
        &self.schema
    }

    /// Name of the organization and role of new accounts, if the service has a single tenant.
    pub fn tenant(&self) -> Option<(&'static str, BuiltInRole)> {
        self.tenant
    }

    pub(crate) fn shared_values(&self) -> impl Iterator<Item = SharedValue> + '_ {
        self.modules.iter().flat_map(Module::shared_values).cloned()
    }

    pub(crate) fn handlers(&self) -> impl Iterator<Item = Arc<dyn Handler>> + '_ {
        self.handlers.iter().cloned()
    }

    pub(crate) fn periodic_tasks(&self) -> impl Iterator<Item = Periodic> + '_ {
        self.periodic.iter().cloned()
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        self.rules.iter().copied()
    }

    #[cfg(feature = "dev")]
    pub(crate) fn sample_data(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }
}

/// The modules of every service.
fn platform_modules(tenancy: Tenancy) -> Vec<Module> {
    let mut modules = crate::identity::modules(tenancy);
    modules.extend([mainstay_audit::module(), mainstay_watch::module()]);
    modules
}
