//! Lists and unlinks the external identities of an account.

use mainstay_accounts::{
    account::{key::AccountKey, owner::find_owner},
    letters,
    problems::LAST_WAY_IN,
};
use mainstay_database::{Change, Error, FromRow, Sql};
use mainstay_http::{
    Fresh, InPerson, Listing, NOT_FOUND, NoContent, Path, Problem, Shared, delete, get, view,
};
use mainstay_kernel::{EmailAddress, Id, Timestamp, UserId};
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

#[derive(FromRow)]
struct StoredIdentity {
    id: Id<ExternalIdentity>,
    issuer: String,
    email: Option<Vec<u8>>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    #[from_row(flatten)]
    key: AccountKey,
}

/// List the external identities that are linked to your account.
#[get("/v1/me/external-identities")]
pub(super) async fn list_external_identities(
    by: InPerson,
    providers: Shared<Providers>,
) -> Result<Listing<ExternalIdentityView>, Problem> {
    const LIST: &str = r"
        SELECT
            i.id, i.issuer, i.email, i.created_at, i.last_used_at,
            k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.external_identities i
        JOIN mainstay.users u ON u.id = i.user_id
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE i.user_id = $1
        ORDER BY i.id
        LIMIT 200
    ";

    let user = by.principal().user;
    let sql = by.sql();
    let identities: Vec<StoredIdentity> = sql
        .query("external_identities.list", LIST, [user.uuid().into()])
        .await?;
    let items = identities
        .into_iter()
        .map(|identity| identity.open(&sql, &providers, user))
        .collect::<Result<_, _>>()?;

    Ok(Listing { items })
}

impl StoredIdentity {
    fn open(
        self,
        sql: &Sql,
        providers: &Providers,
        user: UserId,
    ) -> Result<ExternalIdentityView, Error> {
        let (key, cell) = (self.key.of(user), cell(self.id.uuid(), "email"));
        let open = |sealed: Vec<u8>| sql.open_own::<EmailAddress>(&key, &cell, &sealed);
        let email = self.email.map(open).transpose()?;

        Ok(ExternalIdentityView {
            id: self.id,
            provider: providers.name_of(&self.issuer).map(str::to_owned),
            issuer: self.issuer,
            email: email.map(|email| email.as_str().to_owned()),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
        })
    }
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
    let sql = by.sql();
    let owner = find_owner(&sql, principal.user).await?;

    let event = about(
        Action::ExternalIdentityUnlinked,
        "external_identity",
        Some(id.uuid()),
        principal.organization,
    );

    let notice = owner.notice(&letters::identity_unlinked(), &sql)?;
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
    let unlinked = sql.change(change).await?;

    principals.forget_user(principal.user);
    if unlinked.is_empty() {
        let exists = !sql
            .select("external_identities.exists", EXISTS, own)
            .await?
            .is_empty();
        let refused = if exists {
            LAST_WAY_IN.problem()
        } else {
            NOT_FOUND.problem()
        };
        return Err(standing::ended_or(&sql, principal, refused).await);
    }

    Ok(NoContent)
}
