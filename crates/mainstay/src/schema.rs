//! The platform's migrations, embedded: its tables, in a Postgres schema of their own.

use mainstay_database::{Migrations, SchemaMigrations};

mod embedded {
    #![allow(missing_docs, reason = "the macro writes the module")]
    refinery::embed_migrations!("migrations");
}

/// The schema of a service with these migrations of its own.
pub(crate) fn schema(app: Migrations) -> SchemaMigrations {
    SchemaMigrations::new(embedded::migrations::runner(), app)
}
