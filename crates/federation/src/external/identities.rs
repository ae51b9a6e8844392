//! Lists and unlinks the external identities of an account.

use mainstay_accounts::{
    account::{key::own_key, owner::find_owner},
    letters,
    problems::LAST_WAY_IN,
};
use mainstay_database::{Change, Error, Row};
use mainstay_http::{
    Fresh, InPerson, Listing, NOT_FOUND, NoContent, Path, Problem, Shared, delete, get, view,
};
use mainstay_kernel::{EmailAddress, Id, Timestamp};
use mainstay_principals::{
    Principals,
    events::{Action, about},
    standing::{self, Hold},
};

use super::{providers::Providers, subject::cell};

/// Marks identifiers of external identities.
pub(super) enum ExternalIdentity {}

/// An external identity that is linked to your account.
#[view]
pub(super) struct ExternalIdentityView {
    /// The identity's id.
    pub(super) id: Id<ExternalIdentity>,
    /// The provider's name; null if the provider is no longer configured.
    pub(super) provider: Option<String>,
    /// The provider's issuer identifier.
    pub(super) issuer: String,
    /// The e-mail address that the provider gave when the identity was linked.
    pub(super) email: Option<String>,
    /// When the identity was linked.
    pub(super) created_at: Timestamp,
    /// When you last signed in with the identity.
    pub(super) last_used_at: Option<Timestamp>,
}

/// List the external identities that are linked to your account.
#[get("/v1/me/external-identities")]
pub(super) async fn list_external_identities(
    by: InPerson,
    providers: Shared<Providers>,
) -> Result<Listing<ExternalIdentityView>, Problem> {
    const LIST: &str = r"
        SELECT i.id, i.issuer, i.email, i.created_at, i.last_used_at, k.id, k.wrapped
        FROM mainstay.external_identities i
        JOIN mainstay.users u ON u.id = i.user_id
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE i.user_id = $1
        ORDER BY i.id
        LIMIT 200
    ";

    let user = by.principal().user;
    let unscoped = by.unscoped("identities belong to no organization; limited to the caller's own");
    let rows = unscoped
        .select("external_identities.list", LIST, [user.uuid().into()])
        .await?;

    let view = |row: &Row| -> Result<ExternalIdentityView, Error> {
        let (id, issuer): (Id<ExternalIdentity>, String) = (row.get(0)?, row.get(1)?);
        let (key, sealed) = (own_key(user, row, 5)?, row.get::<Option<Vec<u8>>>(2)?);
        let open = |sealed: Vec<u8>| {
            unscoped.open_own::<EmailAddress>(&key, &cell(id.uuid(), "email"), &sealed)
        };

        Ok(ExternalIdentityView {
            id,
            provider: providers.name_of(&issuer).map(str::to_owned),
            issuer,
            email: sealed
                .map(open)
                .transpose()?
                .map(|email| email.as_str().to_owned()),
            created_at: row.get(3)?,
            last_used_at: row.get(4)?,
        })
    };

    Ok(Listing {
        items: rows.iter().map(view).collect::<Result<_, _>>()?,
    })
}

/// Unlink an external identity from your account.
///
/// It can no longer be used to sign in. All your other sessions end, because one of them may have
/// been started with it.
#[delete("/v1/me/external-identities/{id}", problems(NOT_FOUND, LAST_WAY_IN))]
pub(super) async fn delete_external_identity(
    by: Fresh<InPerson>,
    principals: Shared<Principals>,
    Path(id): Path<Id<ExternalIdentity>>,
) -> Result<NoContent, Problem> {
    const UNLINK: &str = r"
        changed AS (
            DELETE FROM mainstay.external_identities
            WHERE id = $1
              AND user_id = $2
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.is_last_way_in($2, $1)
            RETURNING id, mainstay.end_sessions(user_id, NULL, $3, $4)
        )
    ";

    const EXISTS: &str = r"
        SELECT FROM mainstay.external_identities
        WHERE id = $1 AND user_id = $2
    ";

    let principal = by.principal();
    let unscoped = by.unscoped("identities belong to no organization; limited to the caller's own");
    let owner = find_owner(&unscoped, principal.user).await?;

    let event = about(
        Action::ExternalIdentityUnlinked,
        "external_identity",
        Some(id.uuid()),
        principal.organization,
    );

    let notice = owner.notice(&letters::identity_unlinked(), &unscoped)?;
    let now = principals.runtime().clock.now();
    let own = [id.uuid().into(), principal.user.uuid().into()];
    let values = own
        .clone()
        .into_iter()
        .chain([principal.session.uuid().into(), now.inner().into()]);

    let given = standing::in_person(principal, Hold::Alone);
    let change = Change::new("external_identities.delete", UNLINK, values, event)
        .given(given)
        .queue(notice);
    let unlinked = unscoped.change(change).await?;

    principals.forget_user(principal.user);
    if unlinked.is_empty() {
        let exists = !unscoped
            .select("external_identities.exists", EXISTS, own)
            .await?
            .is_empty();
        let refused = if exists {
            LAST_WAY_IN.problem()
        } else {
            NOT_FOUND.problem()
        };
        return Err(standing::ended_or(&unscoped, principal, refused).await);
    }

    Ok(NoContent)
}
