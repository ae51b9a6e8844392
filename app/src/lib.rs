//! The service: a list of its modules. Each feature is one folder next to this file.

mod customers;

use mainstay::prelude::*;

mod schema {
    //! The embedded migrations.
    #![allow(missing_docs, reason = "the macro generates the module")]
    refinery::embed_migrations!("../migrations");
}

/// Assembles the service.
pub fn platform() -> Platform {
    let info = Info {
        title: "Customer service",
        version: env!("CARGO_PKG_VERSION"),
        description: "A sample service on Mainstay: whom an organization serves.",
    };
    Platform::new(info)
        .migrations(schema::migrations::runner())
        .module(customers::module())
        .sample(customers::sample())
}
