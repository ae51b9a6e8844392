//! The endpoints of customers.

use mainstay::{http::INVALID_INPUT, prelude::*};

use super::{
    bodies::{
        CreateCustomer, CustomerSort, CustomerView, ListCustomers, PersonalDataView,
        SearchCustomers, UpdateCustomer,
    },
    permissions::{
        CustomersDelete, CustomersErase, CustomersExport, CustomersRead, CustomersReveal,
        CustomersWrite,
    },
    row::{CustomerId, CustomerRow},
};

/// List customers.
///
/// Returns one page, with masked personal fields. `sort=name` and `sort=name_descending` reveal the
/// order of names, so they also require the permission `customers.reveal`. Each such page is
/// recorded as `customer.sorted`, and the number of pages per account and hour is limited.
#[get("/v1/customers", problems(TOO_MANY_TO_SORT, TOO_MANY_REQUESTS))]
pub async fn list_customers(
    by: Allowed<CustomersRead>,
    Query(query): Query<ListCustomers>,
) -> Result<PageOf<CustomerView>, Problem> {
    let filter = Filter::all()
        .equal(CustomerRow::STATUS, query.status)
        .contains(CustomerRow::TAGS, query.tag.map(Line::into_string))
        .at_least(CustomerRow::CREATED_AT, query.created_from)
        .below(CustomerRow::CREATED_AT, query.created_until);

    let order = match query.sort {
        CustomerSort::Newest => Order::by(CustomerRow::CREATED_AT, Direction::Descending),
        CustomerSort::Oldest => Order::by(CustomerRow::CREATED_AT, Direction::Ascending),
        CustomerSort::Name => by_name(&by, Direction::Ascending).await?,
        CustomerSort::NameDescending => by_name(&by, Direction::Descending).await?,
    };

    let page = by
        .page(filter, order, query.limit, query.cursor.as_ref())
        .await?;

    Ok(PageOf::new(page, CustomerView::of))
}

async fn by_name(
    by: &Allowed<CustomersRead>,
    direction: Direction,
) -> Result<Order<CustomerRow>, Problem> {
    let proof = by.require::<CustomersReveal>().await?;
    Ok(Order::by_sealed(CustomerRow::FULL_NAME, direction, &proof))
}

/// Create a customer.
#[post("/v1/customers")]
pub async fn create_customer(
    by: Allowed<CustomersWrite>,
    Json(body): Json<CreateCustomer>,
) -> Result<Created<CustomerView>, Problem> {
    let customer = body.into_row(by.runtime())?;
    by.insert(&customer).await?;
    Ok(Created(CustomerView::of(customer)))
}

/// Search customers by e-mail address, telephone number or national id.
///
/// Compares whole values, in any spelling, through a blind index, so the database never sees them.
/// Each page is recorded as `customer.searched`, with the fields and without the values, and the
/// number of pages per account and hour is limited.
#[post("/v1/customers/search", problems(TOO_MANY_REQUESTS))]
pub async fn search_customers(
    by: Allowed<CustomersRead>,
    Json(body): Json<SearchCustomers>,
) -> Result<PageOf<CustomerView>, Problem> {
    if body.email.is_none() && body.phone.is_none() && body.national_id.is_none() {
        return Err(INVALID_INPUT
            .problem()
            .detail("Give an e-mail address, a telephone number or a national id."));
    }

    let filter = Filter::all()
        .matches(CustomerRow::EMAIL, body.email)
        .matches(CustomerRow::PHONE, body.phone.map(Some))
        .matches(CustomerRow::NATIONAL_ID, body.national_id.map(Some));
    let newest_first = Order::by(CustomerRow::CREATED_AT, Direction::Descending);
    let page = by
        .page(filter, newest_first, body.limit, body.cursor.as_ref())
        .await?;

    Ok(PageOf::new(page, CustomerView::of))
}

/// Show a customer with masked personal fields.
#[get("/v1/customers/{id}", problems(NOT_FOUND))]
pub async fn get_customer(
    by: Allowed<CustomersRead>,
    Path(id): Path<CustomerId>,
) -> Result<Json<CustomerView>, Problem> {
    Ok(Json(CustomerView::of(by.get(id).await?)))
}

/// Change a customer.
///
/// The body is a merge patch: absent fields stay unchanged, `null` removes an optional field. Send
/// `If-Match` to avoid overwriting concurrent changes.
#[patch("/v1/customers/{id}", problems(NOT_FOUND))]
pub async fn update_customer(
    by: Allowed<CustomersWrite>,
    Path(id): Path<CustomerId>,
    if_match: IfMatch,
    Json(body): Json<UpdateCustomer>,
) -> Result<Json<CustomerView>, Problem> {
    let customer = by
        .update(id, if_match, body.into_changes(by.runtime())?)
        .await?;
    Ok(Json(CustomerView::of(customer)))
}

/// Delete a customer.
///
/// Destroys the key of the personal fields with the row, so that their values in the audit log can
/// no longer be read.
#[delete("/v1/customers/{id}", problems(NOT_FOUND))]
pub async fn delete_customer(
    by: Allowed<CustomersDelete>,
    Path(id): Path<CustomerId>,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    by.delete(id, if_match).await?;
    Ok(NoContent)
}

/// Show a customer's personal data.
///
/// Returns all personal fields unmasked. Each read is recorded in the audit log.
#[get("/v1/customers/{id}/personal-data", problems(NOT_FOUND))]
pub async fn get_personal_data(
    by: Allowed<CustomersReveal>,
    Path(id): Path<CustomerId>,
) -> Result<Json<PersonalDataView>, Problem> {
    Ok(Json(PersonalDataView::of(
        &by.reveal::<CustomerRow>(id).await?,
    )))
}

/// Export everything known about a customer.
///
/// Returns every field of every row that describes the customer, with sealed fields opened, and the
/// history of these rows, for access and portability requests (GDPR Articles 15 and 20). Each page
/// is recorded in the audit log.
#[get("/v1/customers/{id}/export", problems(NOT_FOUND))]
pub async fn export_customer(
    by: Allowed<CustomersExport>,
    Path(id): Path<CustomerId>,
    Query(page): Query<ExportPage>,
) -> Result<Json<ExportView>, Problem> {
    Ok(Json(
        by.export::<CustomerRow>(id, page.cursor.as_ref())
            .await?
            .into(),
    ))
}

/// Erase a customer permanently.
///
/// Destroys the keys to their personal data, so that copies in the audit log and in backups without
/// keys become unreadable, and deletes rows that only describe the customer (GDPR Article 17). From
/// then on the customer is not found; rows that reference them remain. This cannot be undone.
/// Repeating it is harmless, and erases data added since.
#[post("/v1/customers/{id}/erasure", problems(NOT_FOUND))]
pub async fn erase_customer(
    by: Fresh<Allowed<CustomersErase>>,
    Path(id): Path<CustomerId>,
) -> Result<Json<ErasureView>, Problem> {
    Ok(Json(by.erase::<CustomerRow>(id).await?.into()))
}
