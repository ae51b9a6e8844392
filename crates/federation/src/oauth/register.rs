//! Operators register applications from the command line. There is no registration over HTTP.

use mainstay_database::{Change, Error, Event, FromRow, Sql};
use mainstay_kernel::{LineError, Timestamp, Uuid};
use mainstay_principals::{
    events::{Action, about},
    names::DisplayName,
};

use super::redirect::may_be_registered;

/// A registered application.
#[derive(FromRow)]
pub struct ClientRow {
    /// The client id that it uses in requests.
    pub client_id: String,
    /// The name that people are shown.
    pub name: String,
    /// The addresses that a browser may be redirected to.
    pub redirect_uris: Vec<String>,
    /// Whether it belongs to the operator. If its redirect address proves its identity, people are
    /// not asked for consent.
    pub first_party: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was deactivated; `None` if it is active.
    pub deactivated_at: Option<Timestamp>,
}

/// An application to register.
pub struct NewClient {
    /// The client id: a letter, then up to 63 lower-case letters, digits and hyphens.
    pub client_id: String,
    /// The name that people are shown, 1 to 100 characters.
    pub name: String,
    /// The addresses that a browser may be redirected to.
    pub redirect_uris: Vec<String>,
    /// Whether it belongs to the operator.
    pub first_party: bool,
}

/// Why an application was not registered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Another application has the client id.
    #[error("an application with this client_id already exists")]
    Taken,
    /// The client id is invalid.
    #[error(
        "a client_id must start with a letter, \
         and have at most 64 lower-case letters, digits and hyphens"
    )]
    ClientId,
    /// The name is invalid.
    #[error("the name is invalid: {0}")]
    Name(LineError),
    /// A redirect address is invalid.
    #[error(
        "{0} is not a valid redirect URI: use https://…, http://127.0.0.1…, http://[::1]… \
         or a scheme of the application's own such as com.example.app:/back, \
         without user, fragment or white space, in the form that a browser normalizes it to"
    )]
    RedirectUri(String),
    /// The database returned an error.
    #[error(transparent)]
    Database(Error),
}

/// Registers an application.
///
/// # Errors
/// [`ClientError`]. Nothing was registered.
pub async fn create_client(sql: &Sql, new: NewClient) -> Result<(), ClientError> {
    const INSERT: &str = r"
        changed AS (
            INSERT INTO mainstay.oauth_clients (
                id, client_id, name, redirect_uris, created_at, first_party
            )
            VALUES ($1, $2, $3, $4, $5, $6)
            RETURNING id
        )
    ";

    let NewClient {
        client_id,
        name,
        redirect_uris,
        first_party,
    } = new;

    // The client id of a service account is a UUID. An application must not look like a service
    // account.
    if Uuid::try_parse(&client_id).is_ok() {
        return Err(ClientError::ClientId);
    }
    if let Some(wrong) = redirect_uris.iter().find(|uri| !may_be_registered(uri)) {
        return Err(ClientError::RedirectUri(wrong.clone()));
    }

    let name = DisplayName::parse(&name).map_err(ClientError::Name)?;

    let runtime = sql.database().runtime();
    let id = runtime.new_id::<ClientRow>().uuid();
    let now = runtime.clock.now();
    let values = [
        id.into(),
        client_id.into(),
        name.as_str().into(),
        redirect_uris.into(),
        now.inner().into(),
        first_party.into(),
    ];

    let event = about(Action::ClientCreated, "oauth_client", Some(id), None);
    let outcome = sql
        .change(Change::new("oauth_clients.insert", INSERT, values, event))
        .await;

    outcome.map(drop).map_err(|error| match &error {
        Error::Constraint { name, .. } if name == "oauth_clients_client_id_key" => {
            ClientError::Taken
        }
        Error::Constraint { name, .. } if name == "oauth_clients_client_id_plain" => {
            ClientError::ClientId
        }
        _ => ClientError::Database(error),
    })
}

/// Lists the registered applications.
///
/// # Errors
/// The error of the database.
pub async fn list_clients(sql: &Sql) -> Result<Vec<ClientRow>, Error> {
    const LIST: &str = r"
        SELECT client_id, name, redirect_uris, created_at, deactivated_at, first_party
        FROM mainstay.oauth_clients
        ORDER BY client_id
    ";

    sql.query("oauth_clients.list", LIST, []).await
}

/// Deactivates an application: deletes its grants and ends all its sessions. Returns `false` if no
/// active application has this client id.
///
/// # Errors
/// The error of the database.
pub async fn deactivate_client(sql: &Sql, client_id: &str) -> Result<bool, Error> {
    // Foreign keys delete the codes and sessions of the grants.
    const DEACTIVATE: &str = r"
        changed AS (
            UPDATE mainstay.oauth_clients
            SET deactivated_at = $2
            WHERE client_id = $1 AND deactivated_at IS NULL
            RETURNING client_id, mainstay.end_sessions_of_client(client_id, $2)
        ),
        withdrawn AS (
            DELETE FROM mainstay.oauth_grants g
            USING changed
            WHERE g.client_id = changed.client_id
        )
    ";

    let now = sql.database().runtime().clock.now();
    let change = |event| {
        Change::new(
            "oauth_clients.deactivate",
            DEACTIVATE,
            [client_id.into(), now.inner().into()],
            event,
        )
    };

    change_client(sql, client_id, Action::ClientDeactivated, change).await
}

/// Sets whether an application belongs to the operator. Returns `false` if no active application
/// has this client id, or if nothing changes.
///
/// # Errors
/// The error of the database.
pub async fn set_first_party(sql: &Sql, client_id: &str, first_party: bool) -> Result<bool, Error> {
    const SET: &str = r"
        changed AS (
            UPDATE mainstay.oauth_clients
            SET first_party = $2
            WHERE client_id = $1 AND deactivated_at IS NULL AND first_party <> $2
            RETURNING client_id
        )
    ";

    let change = |event| {
        Change::new(
            "oauth_clients.set_first_party",
            SET,
            [client_id.into(), first_party.into()],
            event,
        )
    };

    change_client(sql, client_id, Action::ClientUpdated, change).await
}

async fn change_client(
    sql: &Sql,
    client_id: &str,
    action: Action,
    change: impl FnOnce(Event) -> Change,
) -> Result<bool, Error> {
    const FIND: &str = "SELECT id FROM mainstay.oauth_clients WHERE client_id = $1";

    let ids: Vec<Uuid> = sql
        .query("oauth_clients.id", FIND, [client_id.into()])
        .await?;
    let Some(id) = ids.first() else {
        return Ok(false);
    };

    let event = about(action, "oauth_client", Some(*id), None);
    Ok(!sql.change(change(event)).await?.is_empty())
}
