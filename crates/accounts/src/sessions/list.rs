//! Lists a person's sessions.

use mainstay_database::{Error, OwnKey, Row, Unscoped};
use mainstay_http::{InPerson, Listing, Problem, Shared, get, view};
use mainstay_kernel::{OrganizationId, SessionId, Timestamp, UserId};

use super::device::{DeviceText, cell};
use crate::{account::key::own_key, accounts::Accounts};

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
            k.id, k.wrapped
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
    let unscoped = by.unscoped("sessions belong to an account, not to an organization");
    let values = [
        principal.user.uuid().into(),
        accounts.runtime().clock.now().inner().into(),
    ];
    let rows = unscoped.select("sessions.list", LIST, values).await?;
    let view = |row: &Row| OwnSessionView::read(&unscoped, row, principal.user, principal.session);

    Ok(Listing {
        items: rows.iter().map(view).collect::<Result<_, _>>()?,
    })
}

impl OwnSessionView {
    /// Reads a row with the columns of `sessions.list`.
    pub(crate) fn read(
        unscoped: &Unscoped,
        row: &Row,
        user: UserId,
        current: SessionId,
    ) -> Result<Self, Error> {
        let (id, key): (SessionId, OwnKey) = (row.get(0)?, own_key(user, row, 9)?);
        let open = |position, column| -> Result<Option<String>, Error> {
            let sealed = row.get::<Option<Vec<u8>>>(position)?;
            let open =
                |sealed: Vec<u8>| unscoped.open_own::<DeviceText>(&key, &cell(id, column), &sealed);
            Ok(sealed.map(open).transpose()?.map(|text| text.0))
        };

        Ok(Self {
            id,
            current: id == current,
            kind: row.get(1)?,
            client_id: row.get(2)?,
            organization_id: row
                .get::<Option<mainstay_database::Uuid>>(3)?
                .map(OrganizationId::from),
            user_agent: open(4, "user_agent")?,
            address: open(5, "address")?,
            created_at: row.get(6)?,
            last_used_at: row.get(7)?,
            expires_at: row.get(8)?,
        })
    }
}
