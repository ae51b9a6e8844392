//! The identities of other providers that an account is linked to.

use mainstay_accounts::{
    account::{key::own_key, owner::find_owner},
    letters,
    problems::LAST_WAY_IN,
};
use mainstay_crypto::Sealed;
use mainstay_database::{Change, Error, HeldKey, Row};
use mainstay_http::{
    Cookie, Created, Fresh, InPerson, Json, Listing, NOT_FOUND, NoContent, OnConstraint as _, Path,
    Problem, Shared, WithHeaders, delete, get, input, post, view,
};
use mainstay_kernel::{EmailAddress, Id, Timestamp};
use mainstay_principals::{
    Principals,
    events::{Action, about, about_session},
    standing::{self, Hold},
};

use super::{
    callback::{BindingCookie, Callback, Vouched},
    problems::{EXTERNAL_SIGN_IN_REFUSED, IDENTITY_TAKEN, PROVIDER_UNAVAILABLE},
    providers::Providers,
    subject::{SUBJECT_TAKEN, Subject, cell, index, indexes},
};

/// Who somebody is elsewhere.
pub(super) enum ExternalIdentity {}

/// An identity that one's account is linked to.
#[view]
pub(super) struct ExternalIdentityView {
    /// Which.
    id: Id<ExternalIdentity>,
    /// The provider's name; null when it is not one to sign in by any more.
    provider: Option<String>,
    /// The provider's issuer identifier.
    issuer: String,
    /// The address that the provider named when the identity was linked.
    email: Option<String>,
    /// When it was linked.
    created_at: Timestamp,
    /// When one last signed in by it.
    last_used_at: Option<Timestamp>,
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

/// What came back from the provider.
#[input]
pub(super) struct CreateExternalIdentity {
    /// The provider that sent the person back, as the address that it did so to tells.
    #[garde(length(chars, min = 1, max = 40))]
    provider: String,
    /// The `state` that came back.
    #[garde(length(chars, min = 1, max = 200))]
    state: String,
    /// The `code` that came back.
    #[garde(length(chars, min = 1, max = 4096))]
    code: String,
    /// The `iss` that came back, if one did.
    #[garde(length(chars, min = 1, max = 2000))]
    iss: Option<String>,
    /// The `binding` that was given in the beginning; absent where a cookie has it.
    #[garde(length(chars, min = 1, max = 200))]
    binding: Option<String>,
}

/// Link an identity of elsewhere to one's account.
///
/// From then on one may sign in by it.
#[post(
    "/v1/me/external-identities",
    problems(EXTERNAL_SIGN_IN_REFUSED, PROVIDER_UNAVAILABLE, IDENTITY_TAKEN)
)]
pub(super) async fn create_external_identity(
    by: Fresh<InPerson>,
    providers: Shared<Providers>,
    cookie: Cookie<BindingCookie>,
    Json(body): Json<CreateExternalIdentity>,
) -> Result<WithHeaders<Created<ExternalIdentityView>>, Problem> {
    const LINK: &str = r"
        changed AS (
            INSERT INTO mainstay.external_identities (
                id, user_id, issuer, subject, subject_index, email, created_at
            )
            SELECT $1, u.id, $3, $4, $5, $6, $7
            FROM mainstay.users u
            WHERE u.id = $2
              AND u.active
              AND EXISTS (SELECT FROM held)
              AND NOT EXISTS (
                  SELECT FROM mainstay.external_identities
                  WHERE subject_index = ANY ($8)
              )
            RETURNING id
        ),
        claimed AS (
            INSERT INTO mainstay.unique_indexes (digest, row_id)
            SELECT unnest($8), id
            FROM changed
        )
    ";

    let principal = by.principal();
    let unscoped =
        by.unscoped("an identity is linked to an account, which stands above organizations");

    let CreateExternalIdentity {
        provider,
        state,
        code,
        iss: issuer,
        binding,
    } = body;

    let callback = Callback {
        provider,
        state,
        code,
        issuer,
        binding,
    };

    let Vouched {
        provider, person, ..
    } = match callback
        .person(&providers, &unscoped, cookie, Some(principal.user))
        .await
    {
        Ok(vouched) => vouched,
        Err(problem) => {
            let action = Action::ExternalIdentityLinkFail;
            unscoped
                .record(about_session(
                    action,
                    principal.session,
                    principal.organization,
                ))
                .await?;
            return Err(problem);
        }
    };

    let owner = find_owner(&unscoped, principal.user).await?;
    let (ring, runtime, subject) = (
        unscoped.database().ring(),
        unscoped.database().runtime(),
        Subject::of(&person),
    );

    let (id, now): (Id<ExternalIdentity>, _) = (runtime.new_id(), runtime.clock.now());
    let email = person.email().map(Sealed::new);
    let insert = |key: &HeldKey<'_>| {
        let seal_email = |email| key.seal(&cell(id.uuid(), "email"), email);
        let values = [
            id.uuid().into(),
            principal.user.uuid().into(),
            person.issuer.clone().into(),
            key.seal(&cell(id.uuid(), "subject"), &subject)?.into(),
            index(&subject, ring).into(),
            email.as_ref().map(seal_email).transpose()?.into(),
            now.inner().into(),
            indexes(&subject, ring).into(),
        ];

        let event = about(
            Action::ExternalIdentityLinked,
            "external_identity",
            Some(id.uuid()),
            principal.organization,
        );

        let told = owner.told(
            &letters::identity_linked(&provider.settings.label),
            &unscoped,
        )?;
        let given = standing::in_person(principal, Hold::Alone);

        Ok(
            Change::new("external_identities.insert", LINK, values, event)
                .given(given)
                .queue(told),
        )
    };

    let linked = unscoped
        .change_sealed(&owner.key, insert)
        .await
        .on_constraints(&SUBJECT_TAKEN, IDENTITY_TAKEN)?;
    if linked.is_empty() {
        return Err(standing::ended_or(&unscoped, principal, IDENTITY_TAKEN.problem()).await);
    }

    let view = ExternalIdentityView {
        id,
        provider: Some(provider.settings.name.clone()),
        issuer: person.issuer.clone(),
        email: person.email().map(|email| email.as_str().to_owned()),
        created_at: now,
        last_used_at: None,
    };

    Ok(WithHeaders(
        Created(view),
        BindingCookie::clear().into_iter().collect(),
    ))
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

    let told = owner.told(&letters::identity_unlinked(), &unscoped)?;
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
