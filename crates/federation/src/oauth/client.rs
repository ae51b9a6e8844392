//! Who asks for a token: an application, or a service account.

use mainstay_access::Permissions;
use mainstay_accounts::throttle::refusals::record_failure;
use mainstay_database::{Error, Precondition, Row, Unscoped, Uuid};
use mainstay_http::{ClientBasic, INVALID_REQUEST, Problem};
use mainstay_principals::{
    Principals,
    client_secrets::{MachineClient, verify_client_secret},
    events::{Action, about},
};

use super::{kinds::not_the_client, redirect};

/// An application that an operator registered. It keeps no secret (RFC 6749 §2.1: public).
pub(crate) struct Application {
    pub(super) id: Uuid,
    pub(super) client_id: String,
    pub(super) name: String,
    /// Whether the operator registered it as its own.
    pub(super) first_party: bool,
    redirect_uris: Vec<String>,
}

/// Who asks for a token.
pub(crate) enum Asker {
    /// An application, by its name alone: what it brings (a code, a token) must be its own.
    Application(Application),
    /// A service account, by its secret.
    Machine(MachineClient),
}

impl Application {
    /// Whether a browser may be sent there.
    pub(super) fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| redirect::matches(registered, uri))
    }

    /// The application is still active.
    pub(super) fn active(&self) -> Precondition {
        const ROWS: &str = "mainstay.oauth_clients WHERE client_id = ? AND disabled_at IS NULL";
        Precondition::new(ROWS, "FOR SHARE", [self.client_id.as_str().into()])
    }

    /// The application of this name, unless it was deactivated.
    pub(super) async fn find(unscoped: &Unscoped, client_id: &str) -> Result<Option<Self>, Error> {
        const FIND: &str = r"
            SELECT id, client_id, name, redirect_uris, first_party
            FROM mainstay.oauth_clients
            WHERE client_id = $1 AND disabled_at IS NULL
        ";
        let rows = unscoped
            .select("oauth_clients.find", FIND, [client_id.into()])
            .await?;
        rows.first().map(Self::read).transpose()
    }

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            client_id: row.get(1)?,
            name: row.get(2)?,
            redirect_uris: row.get(3)?,
            first_party: row.get(4)?,
        })
    }
}

/// What a service account may do at present with the secret that it showed.
pub(crate) async fn permissions_of(
    unscoped: &Unscoped,
    client: &MachineClient,
) -> Result<Permissions, Error> {
    const FIND: &str = r"
        SELECT mainstay.usable_permissions(
            c.permissions, m.role_id,
            mainstay.sponsor_role(c.sponsor_id, c.sponsor_since, c.organization_id)
        )
        FROM mainstay.client_secrets c
        JOIN mainstay.memberships m ON m.user_id = c.user_id
            AND m.organization_id = c.organization_id
        WHERE c.id = $1
    ";

    let rows = unscoped
        .select("client_secrets.permissions", FIND, [client.secret.into()])
        .await?;
    let usable = rows
        .first()
        .map(|row| row.get::<Vec<String>>(0))
        .transpose()?;

    Ok(usable.unwrap_or_default().into_iter().collect())
}

impl Asker {
    /// What its sessions are kept under.
    pub(super) fn client_id(&self) -> String {
        match self {
            Self::Application(application) => application.client_id.clone(),
            Self::Machine(client) => client.user.to_string(),
        }
    }

    /// Finds out who asks (RFC 6749 §2.3): by Basic or in the body, never by both.
    pub(super) async fn authenticate(
        unscoped: &Unscoped,
        principals: &Principals,
        ClientBasic(basic): ClientBasic,
        (id, secret): (Option<String>, Option<String>),
    ) -> Result<Self, Problem> {
        let (id, secret) = match (basic, id, secret) {
            (Some(_), _, Some(_)) => {
                return Err(INVALID_REQUEST
                    .problem()
                    .detail("Show the client's secret in one place, not in two."));
            }
            (Some((user, _)), Some(id), None) if user != id => {
                return Err(INVALID_REQUEST
                    .problem()
                    .detail("The header and the body name two clients."));
            }
            (Some((user, password)), _, None) => (user, Some(password)),
            (None, Some(id), secret) => (id, secret),
            (None, None, _) => return Err(not_the_client()),
        };

        let asker = match secret {
            Some(secret) => verify_client_secret(unscoped, principals, &id, &secret)
                .await?
                .map(Self::Machine),
            None => Application::find(unscoped, &id)
                .await?
                .map(Self::Application),
        };

        if asker.is_none() {
            record_failure(unscoped, about(Action::LoginFail, "client", None, None)).await?;
        }

        asker.ok_or_else(not_the_client)
    }
}
