//! The service: a list of its modules. Each feature is one folder beside this file.

mod customers;

use mainstay::prelude::*;

mod schema {
    //! The migrations, embedded.
    #![allow(missing_docs, reason = "the macro writes the module")]
    refinery::embed_migrations!("../migrations");
}

/// The service, put together.
pub fn platform() -> Platform {
    let info = Info {
        title: "Customer service",
        version: env!("CARGO_PKG_VERSION"),
        description: "Keeps the customers of organizations: a sample service on Mainstay.",
    };
    Platform::new(info)
        .migrations(schema::migrations::runner())
        .module(customers::module())
        .sample(customers::sample())
}
