//! Links an external identity to an account.

use mainstay_accounts::{account::owner::find_owner, letters};
use mainstay_crypto::Sealed;
use mainstay_database::{Change, HeldKey};
use mainstay_http::{
    Cookie, Created, Fresh, InPerson, Json, OnConstraint as _, Problem, Shared, WithHeaders, input,
    post,
};
use mainstay_kernel::Id;
use mainstay_principals::{
    events::{Action, about, about_session},
    standing::{self, Hold},
};

use super::{
    callback::{BindingCookie, Callback, VerifiedCallback},
    identities::{ExternalIdentity, ExternalIdentityView},
    problems::{EXTERNAL_SIGN_IN_REFUSED, IDENTITY_TAKEN, PROVIDER_UNAVAILABLE},
    providers::Providers,
    subject::{SUBJECT_TAKEN, Subject, cell, index, indexes},
};
use crate::unlimited::BY_STATE;

/// The provider's response.
#[input]
pub(super) struct CreateExternalIdentity {
    /// The name of the provider that sent the response, as the redirect address identifies it.
    #[garde(length(chars, min = 1, max = 40))]
    provider: String,
    /// The `state` of the response.
    #[garde(length(chars, min = 1, max = 200))]
    state: String,
    /// The `code` of the response.
    #[garde(length(chars, min = 1, max = 4096))]
    code: String,
    /// The `iss` of the response, if present.
    #[garde(length(chars, min = 1, max = 2000))]
    iss: Option<String>,
    /// The `binding` from the start; absent if the browser has a cookie instead.
    #[garde(length(chars, min = 1, max = 200))]
    binding: Option<String>,
}

/// Link an external identity to your account.
///
/// You can then sign in with it.
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
            SELECT unnest($8), changed.id
            FROM changed
        )
    ";

    let principal = by.principal();
    let sql = by.sql();

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

    let VerifiedCallback {
        provider, person, ..
    } = match callback
        .person(
            &providers,
            &by.unlimited(BY_STATE),
            cookie,
            Some(principal.user),
        )
        .await
    {
        Ok(verified) => verified,
        Err(problem) => {
            let action = Action::ExternalIdentityLinkFail;
            sql.record(about_session(
                action,
                principal.session,
                principal.organization,
            ))
            .await?;
            return Err(problem);
        }
    };

    let owner = find_owner(&sql, principal.user).await?;
    let (ring, runtime, subject) = (
        sql.database().ring(),
        sql.database().runtime(),
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

        let notice = owner.notice(&letters::identity_linked(&provider.settings.label), &sql)?;
        let given = standing::in_person(principal, Hold::Alone);

        Ok(
            Change::new("external_identities.insert", LINK, values, event)
                .given(given)
                .queue(notice),
        )
    };

    let linked = sql
        .change_sealed(&owner.key, insert)
        .await
        .on_constraints(&SUBJECT_TAKEN, IDENTITY_TAKEN)?;
    if linked.is_empty() {
        return Err(standing::ended_or(&sql, principal, IDENTITY_TAKEN.problem()).await);
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
