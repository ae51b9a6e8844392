//! The table `customers`.

use mainstay::prelude::*;

use super::{
    fields::{FullName, NationalId, Notes, Phone, PostalAddress},
    permissions::CustomersReveal,
};

/// A customer's identifier.
pub type CustomerId = Id<CustomerRow>;

/// A row of `customers`.
#[derive(Entity)]
#[entity(table = "customers", resource = "customer", reveal = CustomersReveal)]
pub struct CustomerRow {
    pub id: CustomerId,
    pub full_name: Sealed<FullName>,
    #[entity(blind_index = "email_index")]
    pub email: Sealed<EmailAddress>,
    #[entity(blind_index = "phone_index")]
    pub phone: Option<Sealed<Phone>>,
    pub date_of_birth: Option<Sealed<Date>>,
    #[entity(blind_index = "national_id_index")]
    pub national_id: Option<Sealed<NationalId>>,
    pub postal_address: Option<Sealed<PostalAddress>>,
    pub notes: Option<Sealed<Notes>>,
    pub status: Status,
    pub tags: Vec<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The status of the relationship with a customer.
#[choice]
#[derive(Default)]
pub enum Status {
    /// Interested.
    Lead,
    /// Current customer.
    #[default]
    Active,
    /// Former customer.
    Inactive,
    /// Must not be served.
    Blocked,
}
