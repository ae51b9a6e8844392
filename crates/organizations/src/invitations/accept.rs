//! Accepts an invitation with an existing account.

use http::StatusCode;
use mainstay_accounts::{account::credentials::find_credentials, problems::INVALID_TOKEN};
use mainstay_crypto::Sealed;
use mainstay_database::Change;
use mainstay_http::{
    Fresh, InPerson, Json, Kind, OnConstraint as _, Problem, Shared, input, post, view,
};
use mainstay_kernel::OrganizationId;
use mainstay_principals::{
    Principals,
    events::{Action, about, about_user},
    standing::{self, Hold},
};

use super::pending::find;
use crate::unlimited::BY_TOKEN;

/// The acceptance of an invitation.
#[input]
pub(super) struct AcceptInvitation {
    /// The token in the mailed link.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
}

/// The organization that you have joined.
#[view]
pub(super) struct JoinedView {
    /// The organization's id.
    organization_id: OrganizationId,
    /// The organization's name.
    name: String,
    /// The name of your role in the organization.
    role: String,
}

/// Accept an invitation with the account that has the invited address.
///
/// Your session stays in its present organization. Use `PUT /v1/sessions/current/organization` to
/// switch to the new one.
#[post(
    "/v1/invitations/acceptance",
    problems(INVALID_TOKEN, INVITATION_OF_ANOTHER, ALREADY_A_MEMBER)
)]
pub(super) async fn accept_invitation(
    by: Fresh<InPerson>,
    principals: Shared<Principals>,
    Json(body): Json<AcceptInvitation>,
) -> Result<Json<JoinedView>, Problem> {
    const ACCEPT: &str = r"
        accepted AS (
            DELETE FROM mainstay.invitations
            WHERE id = $1
              AND hash = $2
              AND expires_at > $3
              AND EXISTS (SELECT FROM held)
              AND mainstay.hold_invitation(invited_by, organization_id, role_id)
            RETURNING organization_id, role_id, mainstay.destroy_data_key(data_key)
        ),
        changed AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT $4, organization_id, role_id, $3
            FROM accepted
            RETURNING
                user_id,
                NULL::jsonb AS before,
                jsonb_build_object('role', $5::text) AS after
        )
    ";

    let user = by.principal().user;
    let sql = by.unlimited(BY_TOKEN);
    let pending = find(&sql, &body.token)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;
    let credentials = find_credentials(&sql, user).await?;

    let own = Sealed::new(credentials.email);
    if !own.same_normalised(&Sealed::new(pending.email)) {
        let refused = about(
            Action::AuthzFail,
            "invitation",
            Some(pending.id.uuid()),
            Some(pending.organization),
        );
        sql.record(refused).await?;
        return Err(INVITATION_OF_ANOTHER.problem());
    }

    let values = [
        pending.id.uuid().into(),
        pending.hash.into(),
        principals.runtime().clock.now().inner().into(),
        user.uuid().into(),
        pending.role.clone().into(),
    ];

    let event = about_user(
        Action::MembershipCreated,
        Some(user),
        Some(pending.organization),
    );

    // The address was compared above. It is part of the credentials, so their version must not have
    // changed.
    let given = [
        standing::verified(user, credentials.version, Hold::Shared),
        standing::session(by.principal().session),
    ];
    let change = Change::new("invitations.accept", ACCEPT, values, event)
        .given(given)
        .showing_rows();

    let joined = sql
        .change(change)
        .await
        .on_constraint("memberships_pkey", ALREADY_A_MEMBER)?;
    if joined.is_empty() {
        return Err(standing::ended_or(&sql, by.principal(), INVALID_TOKEN.problem()).await);
    }

    Ok(Json(JoinedView {
        organization_id: pending.organization,
        name: pending.organization_name,
        role: pending.role,
    }))
}

/// The invitation was sent to an address that is not the caller's.
pub(crate) const INVITATION_OF_ANOTHER: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "invitation_of_another",
    "The invitation is for another e-mail address. Sign in with the account that has this address.",
);

/// The account is a member of the organization.
pub(crate) const ALREADY_A_MEMBER: Kind = Kind::new(
    StatusCode::CONFLICT,
    "already_a_member",
    "You are already a member of this organization.",
);
