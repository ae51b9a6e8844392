//! Customers of an organization: the sample feature.
//!
//! `fields` are the personal types, `row` is the table, `bodies` is what goes over the wire, `endpoints` is the API.

mod bodies;
mod endpoints;
mod fields;
/// The table; features that belong to a customer name its id.
pub mod row;
mod sample;

use mainstay::prelude::*;

use endpoints::{
    create_customer, delete_customer, get_customer, get_personal_data, list_customers, search_customers,
    update_customer,
};

pub use sample::sample;

permission! {
    /// See customers, personal fields masked.
    pub CustomersRead = "customers.read", for [Owner, Manager, Agent, Auditor];
    /// Create and change customers.
    pub CustomersWrite = "customers.write", for [Owner, Manager, Agent];
    /// Delete customers.
    pub CustomersDelete = "customers.delete", for [Owner, Manager];
    /// See customers' personal fields in clear; each time is recorded.
    pub CustomersReveal = "customers.reveal", for [Owner, Manager];
}

/// The feature.
pub fn module() -> Module {
    Module::new("customers").entity::<row::CustomerRow>().endpoints((
        list_customers,
        create_customer,
        search_customers,
        get_customer,
        update_customer,
        delete_customer,
        get_personal_data,
    ))
}
