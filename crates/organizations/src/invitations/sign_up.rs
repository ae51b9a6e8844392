//! Accepts an invitation and creates an account.

use http::StatusCode;
use mainstay_accounts::{
    Accounts,
    account::{
        address::{ADDRESS_TAKEN, email_cell, email_index},
        by_address::find_by_address,
        key::NOWHERE,
    },
    passwords::{password::Password, rules::check},
    problems::{INVALID_TOKEN, not_hashed},
};
use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Change, Sql};
use mainstay_http::{
    CreatedAt, Json, Kind, OnConstraint as _, Problem, Public, Shared, input, post, view,
};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::events::{Action, about_user};

use super::pending::{PendingInvitation, find};
use crate::unlimited::BY_TOKEN;

/// The acceptance of an invitation, with the password of the new account.
#[input]
pub(super) struct SignUpByInvitation {
    /// The token in the mailed link.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
    /// The password of the new account.
    password: Password,
}

/// An account that was created for an invitation.
#[view]
pub(super) struct InvitedAccountView {
    /// The id of the new account.
    user_id: UserId,
    /// The id of the organization that the account has joined.
    organization_id: OrganizationId,
}

/// Accept an invitation and create an account.
///
/// The account gets the address that the invitation was sent to. The person is not signed in yet:
/// use `POST /v1/sessions`.
#[post("/v1/invitations/sign-up", problems(INVALID_TOKEN, ACCOUNT_EXISTS))]
pub(super) async fn sign_up_by_invitation(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<SignUpByInvitation>,
) -> Result<CreatedAt<InvitedAccountView>, Problem> {
    let sql = by.unlimited(BY_TOKEN);
    let pending = find(&sql, &body.token)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;
    if find_by_address(&sql, &pending.email).await?.is_some() {
        return Err(ACCOUNT_EXISTS.problem());
    }

    let context = vec![
        pending.email.as_str().to_owned(),
        pending.organization_name.clone(),
    ];
    check(&accounts, &body.password, "password", false, context).await?;

    let hash = accounts
        .hasher
        .hash(body.password.secret())
        .await
        .map_err(not_hashed)?;

    let organization = pending.organization;
    let user = create_member(&sql, pending, hash)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;
    let view = InvitedAccountView {
        user_id: user,
        organization_id: organization,
    };

    Ok(CreatedAt("/v1/me".into(), view))
}

/// Consumes the invitation and creates the account and its membership, in one statement. Returns
/// `None` if the invitation is no longer valid.
async fn create_member(
    sql: &Sql,
    pending: PendingInvitation,
    password_hash: String,
) -> Result<Option<UserId>, Problem> {
    // While keys are rotated, an address may still be indexed under an older key; see also
    // `unique_indexes`.
    const CREATE: &str = r"
        accepted AS (
            DELETE FROM mainstay.invitations
            WHERE id = $1
              AND hash = $2
              AND expires_at > $3
              AND mainstay.hold_invitation(invited_by, organization_id, role_id)
              AND NOT EXISTS (SELECT FROM mainstay.users WHERE email_index = ANY ($9))
            RETURNING organization_id, role_id, mainstay.destroy_data_key(data_key)
        ),
        key AS (
            INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
            SELECT $5, $11, $4, $6, $3
            FROM accepted
        ),
        changed AS (
            INSERT INTO mainstay.users (id, data_key, email, email_index, password_hash, created_at)
            SELECT $4, $5, $7, $8, $10, $3
            FROM accepted
            RETURNING
                id,
                NULL::jsonb AS before,
                jsonb_build_object('role', $12::text) AS after
        ),
        claimed AS (
            INSERT INTO mainstay.unique_indexes (digest, row_id)
            SELECT unnest($9::bytea[]), id
            FROM changed
        ),
        member AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT changed.id, organization_id, role_id, $3
            FROM changed, accepted
        )
    ";

    let database = sql.database();
    let (runtime, ring, email) = (
        database.runtime(),
        database.ring(),
        Sealed::new(pending.email),
    );

    let user: UserId = runtime.new_id();
    let (key, wrapped) = ring.new_data_key(&runtime.random, NOWHERE, user.uuid());
    let indexes: Vec<_> = email
        .indexes(ring, &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let values = [
        pending.id.uuid().into(),
        pending.hash.into(),
        runtime.clock.now().inner().into(),
        user.uuid().into(),
        key.id().into(),
        wrapped.0.into(),
        email
            .seal(&key, &runtime.random, &email_cell(user.uuid()))
            .into(),
        email.index(ring, &email_index()).into_bytes().into(),
        indexes.into(),
        password_hash.into(),
        NOWHERE.into(),
        pending.role.into(),
    ];

    let event = about_user(Action::UserCreated, Some(user), Some(pending.organization));
    let change = Change::new("invitations.sign_up", CREATE, values, event).showing_rows();
    let created = sql
        .change(change)
        .await
        .on_constraints(&ADDRESS_TAKEN, ACCOUNT_EXISTS)?;

    Ok((!created.is_empty()).then_some(user))
}

/// The invited address has an account.
pub(crate) const ACCOUNT_EXISTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "account_exists",
    "This e-mail address already has an account. Sign in with it, then accept the invitation.",
);
