//! Lists a person's sessions.

use mainstay_database::{Error, FromRow, Sql};
use mainstay_http::{InPerson, Listing, Problem, Shared, get, view};
use mainstay_kernel::{OrganizationId, SessionId, Timestamp, UserId};

use super::device::{DeviceText, cell};
use crate::{account::key::AccountKey, accounts::Accounts};

/// An active session.
#[view]
pub(crate) struct OwnSessionView {
    /// The session's identifier.
    id: SessionId,
    /// Whether it is the session of this request.
    current: bool,
    /// `token`, `cookie`, or `client` for an application that you authorized.
    kind: String,
    /// The application that you authorized.
    client_id: Option<String>,
    /// The organization that it works in.
    organization_id: Option<OrganizationId>,
    /// The `User-Agent` of the sign-in.
    user_agent: Option<String>,
    /// The IP address of the sign-in.
    address: Option<String>,
    /// When it started.
    created_at: Timestamp,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it expires, regardless of use.
    expires_at: Timestamp,
}

#[derive(FromRow)]
struct StoredSession {
    id: SessionId,
    kind: String,
    client_id: Option<String>,
    organization_id: Option<OrganizationId>,
    user_agent: Option<Vec<u8>>,
    address: Option<Vec<u8>>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Timestamp,
    #[from_row(flatten)]
    key: AccountKey,
}

/// List your sessions, newest first.
#[get("/v1/sessions")]
pub(super) async fn list_sessions(
    by: InPerson,
    accounts: Shared<Accounts>,
) -> Result<Listing<OwnSessionView>, Problem> {
    const LIST: &str = r"
        SELECT
            s.id, s.kind, s.client_id, s.organization_id,
            s.user_agent, s.address,
            s.created_at, s.last_used_at, s.expires_at,
            k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.sessions s
        JOIN mainstay.users u ON u.id = s.user_id
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE s.user_id = $1
          AND s.ended_at IS NULL
          AND s.expires_at > $2
          AND (s.idle_expires_at IS NULL OR s.idle_expires_at > $2)
        ORDER BY s.id DESC
        LIMIT 1000
    ";

    let principal = by.principal();
    let sql = by.sql();
    let values = [
        principal.user.uuid().into(),
        accounts.runtime().clock.now().inner().into(),
    ];
    let sessions: Vec<StoredSession> = sql.query("sessions.list", LIST, values).await?;
    let items = sessions
        .into_iter()
        .map(|session| session.open(&sql, principal.user, principal.session))
        .collect::<Result<_, _>>()?;

    Ok(Listing { items })
}

impl StoredSession {
    fn open(self, sql: &Sql, user: UserId, current: SessionId) -> Result<OwnSessionView, Error> {
        let key = self.key.of(user);
        let open = |sealed: Option<Vec<u8>>, column| -> Result<Option<String>, Error> {
            let cell = cell(self.id, column);
            let open = |sealed: Vec<u8>| sql.open_own::<DeviceText>(&key, &cell, &sealed);
            Ok(sealed.map(open).transpose()?.map(|text| text.0))
        };

        Ok(OwnSessionView {
            id: self.id,
            current: self.id == current,
            kind: self.kind,
            client_id: self.client_id,
            organization_id: self.organization_id,
            user_agent: open(self.user_agent, "user_agent")?,
            address: open(self.address, "address")?,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
        })
    }
}
