use std::process::ExitCode;

use mainstay_access::Declared;
use mainstay_database::Migrations;
use mainstay_http::{Api, Info, Module, Requirement, Wrong, access_matrix};

use crate::{Sample, commands};

/// A service in the making: what it is, its modules, its migrations, its sample data.
pub struct Platform {
    info: Info,
    modules: Vec<Module>,
    migrations: Migrations,
    sample: Option<Sample>,
}

impl Platform {
    /// A service with accounts and an audit log, and nothing else yet.
    pub fn new(info: Info) -> Self {
        let mut modules = mainstay_identity::modules();
        modules.push(mainstay_audit::module());
        Self { info, modules, migrations: Migrations::new(&[]), sample: None }
    }

    /// Adds a feature.
    #[must_use]
    pub fn module(mut self, module: Module) -> Self {
        self.modules.push(module);
        self
    }

    /// The migrations that make the schema, as `refinery::embed_migrations!` embeds them.
    #[must_use]
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// The sample data of `dev` and `seed`.
    #[must_use]
    pub fn sample(mut self, sample: Sample) -> Self {
        self.sample = Some(sample);
        self
    }

    /// Does what the command line says.
    pub fn run(self) -> ExitCode {
        commands::run(&self)
    }

    /// The endpoints, checked.
    ///
    /// # Errors
    /// [`Wrong`] when declarations contradict each other.
    pub fn api(&self) -> Result<Api, Wrong> {
        Api::new(&self.info, &self.modules)
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
        let demanded = access_matrix(&self.modules).into_iter().filter_map(|row| match row.requirement {
            Requirement::Permission(permission) => Some(permission),
            Requirement::Public | Requirement::SignedIn | Requirement::InPerson => None,
        });
        demanded.chain(self.modules.iter().flat_map(Module::added_permissions).copied()).collect()
    }

    /// The version of the schema that the code expects.
    pub fn schema_version(&self) -> i32 {
        self.migrations.get_migrations().iter().map(|migration| migration.version()).max().unwrap_or(0)
    }

    /// Its migrations.
    pub fn schema(&self) -> &Migrations {
        &self.migrations
    }

    #[cfg(feature = "dev")]
    pub(crate) fn sample_data(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }
}
