//! Applications are registered by an operator, who vouches for them: there is no registration over HTTP.

use mainstay_database::{Change, Error, Row, Unscoped};
use mainstay_kernel::{LineError, Timestamp, Uuid};
use reqwest::Url;

use crate::{
    DisplayName,
    events::{Action, about},
};

/// A registered application.
pub struct ClientRow {
    /// What it calls itself in a request.
    pub client_id: String,
    /// What people are shown.
    pub name: String,
    /// Where a browser may be sent back to.
    pub redirect_uris: Vec<String>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub disabled_at: Option<Timestamp>,
}

/// Why no application was registered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name is taken.
    #[error("there is an application of this client_id already")]
    Taken,
    /// A name that cannot be one.
    #[error("a client_id begins with a letter and has up to 64 lower-case letters, digits and hyphens")]
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
pub async fn create_client(
    unscoped: &Unscoped,
    client_id: &str,
    name: &str,
    redirect_uris: Vec<String>,
) -> Result<(), ClientError> {
    const INSERT: &str = "changed AS (INSERT INTO oauth_clients (id, client_id, name, redirect_uris, created_at) \
         VALUES ($1, $2, $3, $4, $5) RETURNING id)";
    // A service account goes by its id: an application must not look like one.
    if Uuid::try_parse(client_id).is_ok() {
        return Err(ClientError::ClientId);
    }
    if let Some(wrong) = redirect_uris.iter().find(|uri| !is_redirect(uri)) {
        return Err(ClientError::RedirectUri(wrong.clone()));
    }
    let name = DisplayName::parse(name).map_err(ClientError::Name)?;
    let runtime = unscoped.database().runtime();
    let id = runtime.new_id::<ClientRow>().uuid();
    let values =
        [id.into(), client_id.into(), name.as_str().into(), redirect_uris.into(), runtime.clock.now().inner().into()];
    let event = about(Action::ClientCreated, "oauth_client", Some(id), None);
    let outcome = unscoped.change(Change::new("oauth_clients.insert", INSERT, values, event)).await;
    outcome.map(drop).map_err(|error| match &error {
        Error::Constraint { name, .. } if name == "oauth_clients_client_id_key" => ClientError::Taken,
        Error::Constraint { name, .. } if name == "oauth_clients_client_id_plain" => ClientError::ClientId,
        _ => ClientError::Database(error),
    })
}

/// Lists the registered applications.
///
/// # Errors
/// As the database answers.
pub async fn list_clients(unscoped: &Unscoped) -> Result<Vec<ClientRow>, Error> {
    const LIST: &str =
        "SELECT client_id, name, redirect_uris, created_at, disabled_at FROM oauth_clients ORDER BY client_id";
    let read = |row: &Row| {
        Ok(ClientRow {
            client_id: row.get(0)?,
            name: row.get(1)?,
            redirect_uris: row.get(2)?,
            created_at: row.get(3)?,
            disabled_at: row.get(4)?,
        })
    };
    unscoped.select("oauth_clients.list", LIST, []).await?.iter().map(read).collect()
}

/// Shuts an application, and ends every session that it has. Says whether there was one to shut.
///
/// # Errors
/// As the database answers.
pub async fn disable_client(unscoped: &Unscoped, client_id: &str) -> Result<bool, Error> {
    const DISABLE: &str = "changed AS (UPDATE oauth_clients SET disabled_at = $2 \
             WHERE client_id = $1 AND disabled_at IS NULL \
             RETURNING end_sessions_of_client(client_id, $2))";
    const FIND: &str = "SELECT id FROM oauth_clients WHERE client_id = $1";
    let rows = unscoped.select("oauth_clients.id", FIND, [client_id.into()]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let event = about(Action::ClientDisabled, "oauth_client", Some(row.get(0)?), None);
    let values = [client_id.into(), unscoped.database().runtime().clock.now().inner().into()];
    let changed = unscoped.change(Change::new("oauth_clients.disable", DISABLE, values, event)).await?;
    Ok(!changed.is_empty())
}

/// Whether a browser may be sent there: over TLS, to this very machine (RFC 8252 §7.3), or to an application by a scheme
/// of its own (§7.1). Since requests are compared letter by letter, it must be written the way that it is read.
fn is_redirect(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none() && !uri.contains('#');
    let host = url.host_str().unwrap_or_default();
    let allowed = match url.scheme() {
        "https" => !host.is_empty(),
        "http" => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        scheme => scheme.contains('.'),
    };
    // `https://a.example` is read as `https://a.example/`; everything else that differs is a trick.
    let as_written = url.as_str() == uri || url.as_str().strip_suffix('/') == Some(uri);
    plain && allowed && as_written && uri.len() <= 2000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_over_tls_or_to_this_machine() {
        for right in [
            "https://app.example",
            "https://app.example/back?tenant=1",
            "http://127.0.0.1:7000/back",
            "http://[::1]/back",
            "http://localhost/",
            "com.example.app:/back",
        ] {
            assert!(is_redirect(right), "{right}");
        }
        for wrong in [
            "",
            "/back",
            "app.example/back",
            "http://app.example/back",
            "https://app.example/back#part",
            "https://app.example/back#",
            "https://user@app.example/back",
            "https://app.example/a/../back",
            "https://APP.example/back",
            "https://app.example/ back",
            "https://app.example\\back",
            "https:///back",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
        ] {
            assert!(!is_redirect(wrong), "{wrong}");
        }
    }
}
