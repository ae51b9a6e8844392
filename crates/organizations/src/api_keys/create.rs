//! Creates an API key for the caller.

use super::view::MadeApiKeyView;
use http::StatusCode;
use mainstay_accounts::{account::owner::find_owner, letters};
use mainstay_database::Change;
use mainstay_http::{CONFLICT, Created, Fresh, InPerson, Json, Kind, Problem, Shared, post};
use mainstay_principals::{
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held},
    standing::{self, Hold},
};

use super::new::{CreateApiKey, MOST_KEYS, NewApiKey, TOO_MANY_KEYS};
use crate::settings::Settings;

/// A key needs an organization to work in.
const NO_ORGANIZATION: Kind = Kind::new(
    StatusCode::CONFLICT,
    "no_organization",
    "The session works in no organization. Join or create one first.",
);

/// Create an API key.
///
/// The key calls the API on your behalf, in the organization that the session works in. It may use
/// the permissions that your role grants now and still grants when the key is used, or fewer if you
/// pass `scopes`. It gets administrative permissions only if `scopes` names them. The key is shown
/// only in this response. You are notified by e-mail.
#[post(
    "/v1/api-keys",
    problems(EXCEEDS_OWN, TOO_MANY_KEYS, NO_ORGANIZATION, CONFLICT)
)]
pub(super) async fn create_api_key(
    by: Fresh<InPerson>,
    settings: Shared<Settings>,
    Json(body): Json<CreateApiKey>,
) -> Result<Created<MadeApiKeyView>, Problem> {
    const INSERT: &str = r"
        changed AS (
            INSERT INTO mainstay.api_keys (
                id, name, secret_hash, scopes, created_at, expires_at, user_id, organization_id,
                member_since, made_by, sponsor_id, sponsor_since, permissions
            )
            SELECT
                $1, $2, $3, $4, $5, $6,
                m.user_id, m.organization_id, m.created_at,
                m.user_id, m.user_id, m.created_at,
                mainstay.credential_permissions(m.role_id, $10, $4)
            FROM mainstay.memberships m
            WHERE m.user_id = $7
              AND m.organization_id = $8
              AND EXISTS (SELECT FROM held)
              AND mainstay.has_room('api_keys', $7, $9, $5)
            RETURNING id
        )
    ";

    let principal = by.principal();
    let organization = principal
        .organization
        .ok_or_else(|| NO_ORGANIZATION.problem())?;
    let sql = by.sql();
    let new = NewApiKey::new(body, &settings, &sql, principal).await?;

    let place = [
        principal.user.uuid().into(),
        organization.uuid().into(),
        MOST_KEYS.into(),
        held(principal),
    ];

    let event = about(
        Action::TokenCreated,
        "api_key",
        Some(new.id().uuid()),
        Some(organization),
    );

    let owner = find_owner(&sql, principal.user).await?;
    let notice = owner.notice(&letters::api_key_made(new.name()), &sql)?;

    let given = standing::in_person_at(principal, Hold::Alone, organization);

    let change = Change::new(
        "api_keys.insert",
        INSERT,
        new.values().into_iter().chain(place),
        event,
    );
    if sql
        .change(change.given(given).queue(notice))
        .await?
        .is_empty()
    {
        return Err(standing::ended_or(&sql, principal, TOO_MANY_KEYS.problem()).await);
    }

    Ok(Created(new.view()))
}
