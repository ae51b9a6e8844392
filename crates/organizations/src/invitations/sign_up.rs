//! Accepting an invitation by making an account.

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
use mainstay_database::{Change, Unscoped};
use mainstay_http::{
    CreatedAt, Json, Kind, OnConstraint as _, Problem, Public, Shared, input, post, view,
};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::events::{Action, about_user};

use super::pending::{PendingInvitation, find};

/// Proof of an invitation, and the password of the account to be.
#[input]
pub(super) struct SignUpByInvitation {
    /// The token of the link that was mailed.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
    /// The password that the account gets.
    password: Password,
}

/// An account that was made for an invitation.
#[view]
pub(super) struct InvitedAccountView {
    /// The account.
    user_id: UserId,
    /// The organization that it belongs to.
    organization_id: OrganizationId,
}

/// Accept an invitation by making an account.
///
/// The account has the address that the invitation was mailed to. It is not signed in: `POST /v1/sessions` does that.
#[post("/v1/invitations/sign-up", problems(INVALID_TOKEN, ACCOUNT_EXISTS))]
pub(super) async fn sign_up_by_invitation(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<SignUpByInvitation>,
) -> Result<CreatedAt<InvitedAccountView>, Problem> {
    let unscoped = by.unscoped("nobody is signed in; the token names the invitation");
    let pending = find(&unscoped, &body.token)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;
    if find_by_address(&unscoped, &pending.email).await?.is_some() {
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
    let user = make(&unscoped, pending, hash)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;
    let view = InvitedAccountView {
        user_id: user,
        organization_id: organization,
    };

    Ok(CreatedAt("/v1/me".into(), view))
}

/// Makes the account and its membership by consuming the invitation: all of it or nothing.
async fn make(
    unscoped: &Unscoped,
    pending: PendingInvitation,
    password_hash: String,
) -> Result<Option<UserId>, Problem> {
    // While keys are rotated an address may stand under an older key's index; see also `unique_indexes`.
    const MAKE: &str = r"
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
            RETURNING id, NULL::jsonb AS before, jsonb_build_object('role', $12::text) AS after
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

    let database = unscoped.database();
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
    let change = Change::new("invitations.sign_up", MAKE, values, event).showing_rows();
    let made = unscoped
        .change(change)
        .await
        .on_constraints(&ADDRESS_TAKEN, ACCOUNT_EXISTS)?;

    Ok((!made.is_empty()).then_some(user))
}

/// The invited address has an account.
pub(crate) const ACCOUNT_EXISTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "account_exists",
    "The address has an account already: sign in with it, then accept the invitation.",
);
