//! Customers of an organization: the sample feature.
//!
//! `fields` are the personal types, `row` is the table, `bodies` are inputs and views, `endpoints`
//! is the API.

mod bodies;
mod endpoints;
mod fields;
/// The table. Features that belong to a customer use its id.
pub mod row;
mod sample;

use mainstay::prelude::*;

use endpoints::{
    create_customer, delete_customer, erase_customer, export_customer, get_customer,
    get_personal_data, list_customers, search_customers, update_customer,
};

use row::{CustomerRow, Status};

pub use sample::sample;

permission! {
    /// See customers with masked personal fields.
    pub CustomersRead = "customers.read", for [Owner, Manager, Agent, Auditor];
    /// Create and change customers.
    pub CustomersWrite = "customers.write", for [Owner, Manager, Agent];
    /// Delete customers.
    pub CustomersDelete = "customers.delete", for [Owner, Manager];
    /// Reveal customers' personal fields; each reveal is recorded.
    pub CustomersReveal = "customers.reveal", for [Owner, Manager];
    /// Export everything known about a customer; each export is recorded.
    pub CustomersExport = "customers.export", for [Owner, Manager];
    /// Erase a customer permanently.
    pub CustomersErase = "customers.erase", for [Owner];
}

/// The customers feature.
pub fn module() -> Module {
    // Inactive until a setting gives the period: MAINSTAY_RETENTION_RULES=customers=1095d.
    let former = Retention::counted_from(CustomerRow::UPDATED_AT)
        .only(CustomerRow::STATUS, &Status::Inactive)
        .erase();

    Module::new("customers")
        .entity::<CustomerRow>()
        .retain(former)
        .endpoints((
            list_customers,
            create_customer,
            search_customers,
            get_customer,
            update_customer,
            delete_customer,
            get_personal_data,
            export_customer,
            erase_customer,
        ))
}
