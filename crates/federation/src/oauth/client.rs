//! The clients that request tokens: applications and service accounts.

use mainstay_access::Permissions;
use mainstay_accounts::throttle::refusals::record_failure;
use mainstay_database::{Error, FromRow, Precondition, Sql, Uuid};
use mainstay_http::{ClientBasic, INVALID_REQUEST, Problem};
use mainstay_principals::{
    Principals,
    client_secrets::{MachineClient, verify_client_secret},
    events::{Action, about},
};

use super::{kinds::unauthenticated_client, redirect};

/// An application that an operator has registered: a public client without a secret (RFC 6749
/// §2.1).
#[derive(FromRow)]
pub(crate) struct Application {
    pub(super) id: Uuid,
    pub(super) client_id: String,
    pub(super) name: String,
    /// Whether the application belongs to the operator.
    pub(super) first_party: bool,
    redirect_uris: Vec<String>,
}

/// The client that makes a request.
pub(crate) enum OAuthClient {
    /// An application, identified by its client id alone. Its codes and tokens must have been
    /// issued to it.
    Application(Application),
    /// A service account, authenticated by its secret.
    Machine(MachineClient),
}

impl Application {
    /// Whether a browser may be redirected to `uri`.
    pub(super) fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| redirect::matches(registered, uri))
    }

    /// The precondition that the application is still active.
    pub(super) fn active(&self) -> Precondition {
        const ROWS: &str = "mainstay.oauth_clients WHERE client_id = ? AND deactivated_at IS NULL";
        Precondition::new(ROWS, "FOR SHARE", [self.client_id.as_str().into()])
    }

    /// Finds the application with this client id, unless it is deactivated.
    pub(super) async fn find(sql: &Sql, client_id: &str) -> Result<Option<Self>, Error> {
        const FIND: &str = r"
            SELECT id, client_id, name, redirect_uris, first_party
            FROM mainstay.oauth_clients
            WHERE client_id = $1 AND deactivated_at IS NULL
        ";
        let applications: Vec<Self> = sql
            .query("oauth_clients.find", FIND, [client_id.into()])
            .await?;
        Ok(applications.into_iter().next())
    }
}

/// Returns the permissions that a service account may use at present with its secret.
pub(crate) async fn permissions_of(
    sql: &Sql,
    client: &MachineClient,
) -> Result<Permissions, Error> {
    const FIND: &str = r"
        SELECT mainstay.usable_permissions(
            c.permissions,
            m.role_id,
            mainstay.sponsor_role(c.sponsor_id, c.sponsor_since, c.organization_id)
        )
        FROM mainstay.client_secrets c
        JOIN mainstay.memberships m
            ON m.user_id = c.user_id AND m.organization_id = c.organization_id
        WHERE c.id = $1
    ";

    let usable: Vec<Vec<String>> = sql
        .query("client_secrets.permissions", FIND, [client.secret.into()])
        .await?;
    let usable = usable.into_iter().next().unwrap_or_default();

    Ok(usable.into_iter().collect())
}

impl OAuthClient {
    /// The client id that its sessions are stored with.
    pub(super) fn client_id(&self) -> String {
        match self {
            Self::Application(application) => application.client_id.clone(),
            Self::Machine(client) => client.user.to_string(),
        }
    }

    /// Authenticates the client (RFC 6749 §2.3), by Basic authentication or by the body, but not
    /// both.
    pub(super) async fn authenticate(
        sql: &Sql,
        principals: &Principals,
        ClientBasic(basic): ClientBasic,
        (id, secret): (Option<String>, Option<String>),
    ) -> Result<Self, Problem> {
        let (id, secret) = match (basic, id, secret) {
            (Some(_), _, Some(_)) => {
                return Err(INVALID_REQUEST
                    .problem()
                    .detail("Send the client secret in the header or in the body, not in both."));
            }
            (Some((user, _)), Some(id), None) if user != id => {
                return Err(INVALID_REQUEST
                    .problem()
                    .detail("The header and the body name different clients."));
            }
            (Some((user, password)), _, None) => (user, Some(password)),
            (None, Some(id), secret) => (id, secret),
            (None, None, _) => return Err(unauthenticated_client()),
        };

        let client = match secret {
            Some(secret) => verify_client_secret(sql, principals, &id, &secret)
                .await?
                .map(Self::Machine),
            None => Application::find(sql, &id).await?.map(Self::Application),
        };

        if client.is_none() {
            record_failure(sql, about(Action::LoginFail, "client", None, None)).await?;
        }

        client.ok_or_else(unauthenticated_client)
    }
}
