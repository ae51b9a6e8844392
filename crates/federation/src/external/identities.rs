//! The identities of other providers that an account is linked to.

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

/// Who somebody is elsewhere.
pub(super) enum ExternalIdentity {}

/// An identity that one's account is linked to.
#[view]
pub(super) struct ExternalIdentityView {
    /// Which.
    pub(super) id: Id<ExternalIdentity>,
    /// The provider's name; null when it is not one to sign in by any more.
    pub(super) provider: Option<String>,
    /// The provider's issuer identifier.
    pub(super) issuer: String,
    /// The address that the provider named when the identity was linked.
    pub(super) email: Option<String>,
    /// When it was linked.
    pub(super) created_at: Timestamp,
    /// When one last signed in by it.
    pub(super) last_used_at: Option<Timestamp>,
}

/// List the identities of elsewhere that one's account is linked to.
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
    let unscoped = by.unscoped("identities belong to their person, wherever they work");
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

/// Unlink an identity of elsewhere from one's account.
///
/// Nobody signs in by it any more. All other sessions are ended, since one of them may have begun by it.
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
    let unscoped = by.unscoped("identities belong to their person, wherever they work");
    let owner = find_owner(&unscoped, principal.user).await?;

    let event = about(
        Action::ExternalIdentityUnlinked,
        "external_identity",
        Some(id.uuid()),
        principal.organization,
    );

    let told = owner.notice(&letters::identity_unlinked(), &unscoped)?;
    let now = principals.runtime().clock.now();
    let own = [id.uuid().into(), principal.user.uuid().into()];
    let values = own
        .clone()
        .into_iter()
        .chain([principal.session.uuid().into(), now.inner().into()]);

    let given = standing::in_person(principal, Hold::Alone);
    let change = Change::new("external_identities.delete", UNLINK, values, event)
        .given(given)
        .queue(told);
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
