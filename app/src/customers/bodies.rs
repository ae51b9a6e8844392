//! The inputs and views of customers.

use mainstay::{database::Revealed, prelude::*};

use super::{
    fields::{FullName, NationalId, Notes, Phone, PostalAddress, born_by},
    row::{CustomerId, CustomerRow, Status},
};

/// A label.
pub type Tag = Line<50>;

/// A new customer.
#[input]
pub struct CreateCustomer {
    /// The customer's name.
    full_name: Sealed<FullName>,
    /// The customer's e-mail address.
    email: Sealed<EmailAddress>,
    /// The customer's telephone number.
    phone: Option<Sealed<Phone>>,
    /// The customer's date of birth.
    date_of_birth: Option<Sealed<Date>>,
    /// The number of the customer's passport or identity card.
    national_id: Option<Sealed<NationalId>>,
    /// The customer's postal address.
    postal_address: Option<Sealed<PostalAddress>>,
    /// Free-text notes. They may contain personal data, so they are sealed too.
    notes: Option<Sealed<Notes>>,
    /// The status of the relationship.
    #[serde(default)]
    status: Status,
    /// Labels, at most 20. They are not sealed: do not put personal data into them.
    #[garde(length(max = 20), dive)]
    #[serde(default)]
    tags: Vec<Tag>,
}

/// Changes to a customer (RFC 7396): absent fields stay unchanged, `null` removes an optional
/// field.
#[input]
pub struct UpdateCustomer {
    /// The customer's name.
    full_name: Patch<Sealed<FullName>>,
    /// The customer's e-mail address.
    email: Patch<Sealed<EmailAddress>>,
    /// The customer's telephone number.
    phone: Patch<Option<Sealed<Phone>>>,
    /// The customer's date of birth.
    date_of_birth: Patch<Option<Sealed<Date>>>,
    /// The number of the customer's passport or identity card.
    national_id: Patch<Option<Sealed<NationalId>>>,
    /// The customer's postal address.
    postal_address: Patch<Option<Sealed<PostalAddress>>>,
    /// Free-text notes.
    notes: Patch<Option<Sealed<Notes>>>,
    /// The status of the relationship.
    status: Patch<Status>,
    /// Labels, at most 20. Replaces the whole list.
    #[garde(custom(at_most_20), dive)]
    #[schemars(length(max = 20))]
    tags: Patch<Vec<Tag>>,
}

/// Which customers to list, and how.
#[input]
pub struct ListCustomers {
    /// Maximum number of customers.
    pub limit: Limit,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<Cursor>,
    /// The order.
    #[serde(default)]
    pub sort: CustomerSort,
    /// Only customers with this status.
    pub status: Option<Status>,
    /// Only customers with this label.
    pub tag: Option<Tag>,
    /// Only customers created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Only customers created before this time.
    pub created_until: Option<Timestamp>,
}

/// The order of a listing. Sorting by name requires `customers.reveal`, and at most 5,000 matching
/// customers, because the database cannot read names.
#[choice]
#[derive(Default)]
pub enum CustomerSort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By name, A to Z.
    Name,
    /// By name, Z to A.
    NameDescending,
}

/// Search criteria: at least one of the three; all given ones must match. They are in the body,
/// because personal data does not belong in URLs.
#[input]
pub struct SearchCustomers {
    /// The whole e-mail address, in any case.
    pub email: Option<Sealed<EmailAddress>>,
    /// The whole telephone number, with any spacing.
    pub phone: Option<Sealed<Phone>>,
    /// The whole number of a passport or identity card, with any spacing.
    pub national_id: Option<Sealed<NationalId>>,
    /// Maximum number of customers.
    pub limit: Limit,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<Cursor>,
}

/// A customer with masked personal fields.
#[view]
pub struct CustomerView {
    /// The customer's id.
    id: CustomerId,
    /// The name's initials.
    full_name: Masked,
    /// The address's first letter and domain.
    email: Masked,
    /// The number's last digits.
    phone: Option<Masked>,
    /// The field, masked.
    date_of_birth: Option<Masked>,
    /// The number's last characters.
    national_id: Option<Masked>,
    /// The field, masked.
    postal_address: Option<Masked>,
    /// The field, masked.
    notes: Option<Masked>,
    /// The status of the relationship.
    status: Status,
    /// Labels.
    tags: Vec<String>,
    /// The version, which is also the `ETag`.
    version: i64,
    /// When the customer was created.
    created_at: Timestamp,
    /// When the customer last changed.
    updated_at: Timestamp,
}

/// A customer's personal fields, unmasked.
#[view]
pub struct PersonalDataView {
    /// The customer's id.
    customer_id: CustomerId,
    /// The name, such as `Ada Lovelace`.
    full_name: String,
    /// The e-mail address.
    email: String,
    /// The telephone number, such as `+44 20 7946 0958`.
    phone: Option<String>,
    /// The date of birth, such as `1985-04-12`.
    date_of_birth: Option<Date>,
    /// The number of the passport or identity card, such as `L01X00T47`.
    national_id: Option<String>,
    /// The postal address, such as `12 St James's Square, London`.
    postal_address: Option<String>,
    /// Notes, such as `Prefers letters.`
    notes: Option<String>,
}

impl CreateCustomer {
    /// Creates the new row.
    ///
    /// # Errors
    /// `INVALID_INPUT` for a date of birth in the future.
    pub fn into_row(self, runtime: &Runtime) -> Result<CustomerRow, Problem> {
        let now = runtime.clock.now();
        born_by(now, self.date_of_birth.as_ref())?;

        Ok(CustomerRow {
            id: runtime.new_id(),
            full_name: self.full_name,
            email: self.email,
            phone: self.phone,
            date_of_birth: self.date_of_birth,
            national_id: self.national_id,
            postal_address: self.postal_address,
            notes: self.notes,
            status: self.status,
            tags: texts(self.tags),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }
}

impl UpdateCustomer {
    /// Returns the changes to the row.
    ///
    /// # Errors
    /// `INVALID_INPUT` for a date of birth in the future.
    pub fn into_changes(self, runtime: &Runtime) -> Result<Changes<CustomerRow>, Problem> {
        if let Patch::Set(date) = &self.date_of_birth {
            born_by(runtime.clock.now(), date.as_ref())?;
        }

        let changes = Changes::new()
            .set(CustomerRow::FULL_NAME, self.full_name)
            .set(CustomerRow::EMAIL, self.email)
            .set(CustomerRow::PHONE, self.phone)
            .set(CustomerRow::DATE_OF_BIRTH, self.date_of_birth)
            .set(CustomerRow::NATIONAL_ID, self.national_id)
            .set(CustomerRow::POSTAL_ADDRESS, self.postal_address)
            .set(CustomerRow::NOTES, self.notes)
            .set(CustomerRow::STATUS, self.status)
            .set(CustomerRow::TAGS, self.tags.map(texts));

        Ok(changes)
    }
}

impl CustomerView {
    pub fn of(row: CustomerRow) -> Self {
        Self {
            id: row.id,
            full_name: row.full_name.masked(),
            email: row.email.masked(),
            phone: row.phone.as_ref().map(Sealed::masked),
            date_of_birth: row.date_of_birth.as_ref().map(Sealed::masked),
            national_id: row.national_id.as_ref().map(Sealed::masked),
            postal_address: row.postal_address.as_ref().map(Sealed::masked),
            notes: row.notes.as_ref().map(Sealed::masked),
            status: row.status,
            tags: row.tags,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl PersonalDataView {
    pub fn of(revealed: &Revealed<CustomerRow>) -> Self {
        Self {
            customer_id: revealed.row().id,
            full_name: revealed.open(|row| &row.full_name).as_str().to_owned(),
            email: revealed.open(|row| &row.email).as_str().to_owned(),
            phone: revealed
                .open_optional(|row| &row.phone)
                .map(|phone| phone.as_str().to_owned()),
            date_of_birth: revealed.open_optional(|row| &row.date_of_birth).copied(),
            national_id: revealed
                .open_optional(|row| &row.national_id)
                .map(|id| id.as_str().to_owned()),
            postal_address: revealed
                .open_optional(|row| &row.postal_address)
                .map(|it| it.as_str().to_owned()),
            notes: revealed
                .open_optional(|row| &row.notes)
                .map(|notes| notes.as_str().to_owned()),
        }
    }
}

fn texts(tags: Vec<Tag>) -> Vec<String> {
    tags.into_iter().map(Tag::into_string).collect()
}

/// The limit of `CreateCustomer::tags`, for an optional list.
fn at_most_20(tags: &Patch<Vec<Tag>>, _: &()) -> garde::Result {
    match tags {
        Patch::Set(tags) if tags.len() > 20 => Err(garde::Error::new("expected up to 20 labels")),
        _ => Ok(()),
    }
}
