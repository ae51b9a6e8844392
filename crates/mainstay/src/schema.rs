//! The platform's embedded migrations. Its tables are in a Postgres schema of their own.

use mainstay_database::{Migrations, SchemaMigrations};

mod embedded {
    #![allow(missing_docs, reason = "the macro generates the module")]
    refinery::embed_migrations!("migrations");
}

/// The schema of a service: the platform's migrations and those of the app.
pub(crate) fn schema(app: Migrations) -> SchemaMigrations {
    SchemaMigrations::new(embedded::migrations::runner(), app)
}
