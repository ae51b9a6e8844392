//! Applications are registered by an operator: there is no registration over HTTP.

use mainstay_database::{Change, Error, Event, Row, Unscoped};
use mainstay_kernel::{LineError, Timestamp, Uuid};
use mainstay_principals::{
    events::{Action, about},
    names::DisplayName,
};

use super::redirect::may_be_registered;

/// A registered application.
pub struct ClientRow {
    /// What it calls itself in a request.
    pub client_id: String,
    /// What people are shown.
    pub name: String,
    /// Where a browser may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Whether it is the operator's own: people are not asked where it is certain who is answered.
    pub first_party: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub deactivated_at: Option<Timestamp>,
}

/// An application to register.
pub struct NewClient {
    /// What it calls itself in a request: a letter, then up to 63 lower-case letters, digits and hyphens.
    pub client_id: String,
    /// What people are shown, 1 to 100 characters.
    pub name: String,
    /// Where a browser may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Whether it is the operator's own.
    pub first_party: bool,
}

/// Why no application was registered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name is taken.
    #[error("there is an application of this client_id already")]
    Taken,
    /// A name that cannot be one.
    #[error(
        "a client_id begins with a letter and has up to 64 lower-case letters, digits and hyphens"
    )]
    ClientId,
    /// What people are shown is no name.
    #[error("the name: {0}")]
    Name(LineError),
    /// An address to which no browser is sent.
    #[error(
        "{0} is no redirect: it must be https://…, http://127.0.0.1…, http://[::1]… or a scheme of the application's own \
         such as com.example.app:/back, without a user, a fragment or white space, written the way a browser would"
    )]
    RedirectUri(String),
    /// The database did not do it.
    #[error(transparent)]
    Database(Error),
}

/// Registers an application.
///
/// # Errors
/// [`ClientError`]; then nothing was registered.
pub async fn create_client(unscoped: &Unscoped, new: NewClient) -> Result<(), ClientError> {
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
    // A service account goes by its id: an application must not look like one.
    if Uuid::try_parse(&client_id).is_ok() {
        return Err(ClientError::ClientId);
    }
    if let Some(wrong) = redirect_uris.iter().find(|uri| !may_be_registered(uri)) {
        return Err(ClientError::RedirectUri(wrong.clone()));
    }

    let name = DisplayName::parse(&name).map_err(ClientError::Name)?;

    let runtime = unscoped.database().runtime();
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
    let outcome = unscoped
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
pub async fn list_clients(unscoped: &Unscoped) -> Result<Vec<ClientRow>, Error> {
    const LIST: &str = r"
        SELECT client_id, name, redirect_uris, created_at, disabled_at, first_party
        FROM mainstay.oauth_clients
        ORDER BY client_id
    ";

    let read = |row: &Row| {
        Ok(ClientRow {
            client_id: row.get(0)?,
            name: row.get(1)?,
            redirect_uris: row.get(2)?,
            created_at: row.get(3)?,
            deactivated_at: row.get(4)?,
            first_party: row.get(5)?,
        })
    };

    unscoped
        .select("oauth_clients.list", LIST, [])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Deactivates an application: revokes what people allowed it, and ends all its sessions. Returns `false` if there is no active
/// application of this name.
///
/// # Errors
/// The error of the database.
pub async fn deactivate_client(unscoped: &Unscoped, client_id: &str) -> Result<bool, Error> {
    // Codes and sessions stand on the grants, and go with them.
    const DEACTIVATE: &str = r"
        changed AS (
            UPDATE mainstay.oauth_clients
            SET disabled_at = $2
            WHERE client_id = $1 AND disabled_at IS NULL
            RETURNING client_id, mainstay.end_sessions_of_client(client_id, $2)
        ),
        withdrawn AS (
            DELETE FROM mainstay.oauth_grants g
            USING changed
            WHERE g.client_id = changed.client_id
        )
    ";

    let now = unscoped.database().runtime().clock.now();
    let change = |event| {
        Change::new(
            "oauth_clients.deactivate",
            DEACTIVATE,
            [client_id.into(), now.inner().into()],
            event,
        )
    };

    change_client(unscoped, client_id, Action::ClientDeactivated, change).await
}

/// Says whether an application is the operator's own. Answers whether there is such an application and that was news of it.
///
/// # Errors
/// The error of the database.
pub async fn set_first_party(
    unscoped: &Unscoped,
    client_id: &str,
    first_party: bool,
) -> Result<bool, Error> {
    const SET: &str = r"
        changed AS (
            UPDATE mainstay.oauth_clients
            SET first_party = $2
            WHERE client_id = $1 AND disabled_at IS NULL AND first_party <> $2
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

    change_client(unscoped, client_id, Action::ClientUpdated, change).await
}

async fn change_client(
    unscoped: &Unscoped,
    client_id: &str,
    action: Action,
    change: impl FnOnce(Event) -> Change,
) -> Result<bool, Error> {
    const FIND: &str = "SELECT id FROM mainstay.oauth_clients WHERE client_id = $1";
    let rows = unscoped
        .select("oauth_clients.id", FIND, [client_id.into()])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(false);
    };

    let event = about(action, "oauth_client", Some(row.get(0)?), None);
    Ok(!unscoped.change(change(event)).await?.is_empty())
}
