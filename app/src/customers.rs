//! Customers of an organization: the sample feature.
//!
//! `fields` are the personal types, `row` is the table, `bodies` are inputs and views, `endpoints`
//! is the API.

mod bodies;
mod endpoints;
mod fields;
mod permissions;
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
