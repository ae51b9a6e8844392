//! The service in the making.

use std::sync::Arc;

use mainstay_access::Declared;
use mainstay_database::{
    Job, Migrations, PrivateColumn, Retention, SchemaMigrations, SchemaVersion, SealedTable,
};
use mainstay_http::{
    Api, ApiError, Info, Module, Requirement, SharedValue, WebPage, access_matrix,
};
use mainstay_jobs::{Handler, Periodic};
use mainstay_watch::Rule;

use crate::{Sample, schema::schema};

/// A service in the making: what it is, its modules, its migrations, its queued work, its rules, its
/// sample data.
pub struct Platform {
    info: Info,
    /// The app's features first: they are what the document is read for.
    modules: Vec<Module>,
    /// How many of them are the app's.
    features: usize,
    schema: SchemaMigrations,
    sample: Option<Sample>,
    pages: Vec<WebPage>,
    handlers: Vec<Arc<dyn Handler>>,
    periodic: Vec<Periodic>,
    rules: Vec<Rule>,
}

impl Platform {
    /// A service with accounts and an audit log, and nothing else yet.
    pub fn new(info: Info) -> Self {
        let mut modules = crate::identity::modules();
        modules.extend([mainstay_audit::module(), mainstay_watch::module()]);

        Self {
            info,
            modules,
            features: 0,
            schema: schema(Migrations::new(&[])),
            sample: None,
            pages: Vec::new(),
            handlers: Vec::new(),
            periodic: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Adds a feature.
    #[must_use]
    pub fn module(mut self, module: Module) -> Self {
        self.modules.insert(self.features, module);
        self.features += 1;
        self
    }

    /// The app's migrations, as `refinery::embed_migrations!` embeds them. They run after the platform's, with versions and
    /// a history of their own.
    #[must_use]
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.schema = schema(migrations);
        self
    }

    /// The sample data of `dev` and `seed`.
    #[must_use]
    pub fn sample(mut self, sample: Sample) -> Self {
        self.sample = Some(sample);
        self
    }

    /// Adds a page beside the API.
    #[must_use]
    pub fn page(mut self, page: WebPage) -> Self {
        self.pages.push(page);
        self
    }

    /// Says how queued work of one kind is done.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler + 'static) -> Self {
        self.handlers.push(Arc::new(handler));
        self
    }

    /// Adds upkeep that one replica does whenever it is due.
    #[must_use]
    pub fn periodic(mut self, task: Periodic) -> Self {
        self.periodic.push(task);
        self
    }

    /// Adds something to look for in the audit log, beside what the platform looks for.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The endpoints, checked.
    ///
    /// # Errors
    /// [`ApiError`] when declarations contradict each other.
    pub fn api(&self) -> Result<Api, ApiError> {
        Api::new(&self.info, &self.modules)?.with_pages(self.pages.iter().cloned())
    }

    /// What the service is.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Its modules.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The permissions that its endpoints demand and its modules know.
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

    /// The tables of its modules, with what is sealed of each.
    pub fn tables(&self) -> Vec<SealedTable> {
        self.modules
            .iter()
            .flat_map(Module::tables)
            .cloned()
            .collect()
    }

    /// The retention rules of its modules, before settings override them.
    pub fn retention_rules(&self) -> Vec<Retention> {
        self.modules
            .iter()
            .flat_map(Module::retention_rules)
            .cloned()
            .collect()
    }

    /// The columns in which the service keeps private boxes.
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

    /// The version of the schema that the code expects.
    pub fn schema_version(&self) -> SchemaVersion {
        self.schema.version()
    }

    /// The migrations that make the schema: the platform's, and the app's.
    pub fn schema(&self) -> &SchemaMigrations {
        &self.schema
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
