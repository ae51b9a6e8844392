//! Invites a person to the organization.

use mainstay_accounts::{
    Accounts,
    account::{
        address::email_index,
        by_address::{find_by_address, mailbox},
    },
    letters,
    throttle::{TOO_MANY_ATTEMPTS, requests::admit_invitation},
};
use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Change, Error, FromRow, Sql, Uuid};
use mainstay_http::{
    Allowed, Created, FieldError, FreshOrScoped, INVALID_INPUT, Json, Problem, Shared,
    UNAUTHENTICATED, input, post,
};
use mainstay_kernel::{EmailAddress, SecretString};
use mainstay_mail::{Letter, Mail};
use mainstay_principals::{
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by, refused},
    secret::FreshSecret,
    standing,
};
use time::Duration;

use super::row::{InvitationId, InvitationView, email_cell};
use crate::{
    members::permissions::MembersManage,
    relations::{Organizations, Roles},
    roles::{name::RoleName, role::UNKNOWN_ROLE},
    unlimited::BY_ADDRESS,
};

/// How long an invitation is valid.
const LIFETIME: Duration = Duration::days(7);

/// A new invitation.
#[input]
pub(super) struct CreateInvitation {
    /// The e-mail address of the person.
    email: EmailAddress,
    /// The name of the role that the person gets. It must not grant more than your own role.
    role: RoleName,
}

/// Invite a person to the organization.
///
/// The person receives a link by e-mail, which can be used once and expires after seven days. An
/// earlier invitation to the same address is replaced, unless its role grants more than yours or
/// its inviter has permissions beyond yours. The response does not reveal whether the address has
/// an account.
#[post(
    "/v1/invitations",
    problems(UNKNOWN_ROLE, EXCEEDS_OWN, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn create_invitation(
    by: FreshOrScoped<MembersManage>,
    accounts: Shared<Accounts>,
    Json(body): Json<CreateInvitation>,
) -> Result<Created<InvitationView>, Problem> {
    // Reading `replaced` makes the insertion wait for the deletion: both rows have the same value
    // in a unique index.
    const CREATE: &str = r"
        out_of_reach AS (
            SELECT FROM mainstay.invitations i
            WHERE i.organization_id = $1
              AND i.email_index = ANY ($8)
              AND i.expires_at > $5
              AND (
                  mainstay.role_exceeds(i.role_id, $14, $15)
                  OR mainstay.member_exceeds(i.invited_by, $1, $14, $15)
              )
            UNION ALL
            SELECT
            WHERE mainstay.role_exceeds($9, $14, $15)
        ),
        replaced AS (
            DELETE FROM mainstay.invitations i
            WHERE i.organization_id = $1
              AND i.email_index = ANY ($8)
              AND EXISTS (SELECT FROM held)
              AND NOT EXISTS (SELECT FROM out_of_reach)
            RETURNING mainstay.destroy_data_key(i.data_key)
        ),
        key AS (
            INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
            SELECT $3, $1, $2, $4, $5
            FROM held
            WHERE NOT EXISTS (SELECT FROM out_of_reach)
        ),
        changed AS (
            INSERT INTO mainstay.invitations (
                id, organization_id, data_key, email, email_index, role_id, hash, invited_by,
                created_at, expires_at
            )
            SELECT $2, $1, $3, $6, $7, $9, $10, $11, $5, $12
            FROM (SELECT count(*) FROM replaced) AS gone, held
            WHERE NOT EXISTS (SELECT FROM out_of_reach)
            RETURNING
                id,
                NULL::jsonb AS before,
                jsonb_build_object('role', $13::text) AS after
        )
    ";

    let role = body.role.as_str();
    let (role_id, organization_name) = find_role(&by, role).await?;
    let sql = by.sql();
    let (database, organization) = (sql.database(), by.organization());
    let (runtime, ring) = (database.runtime(), database.ring());

    let (id, now): (InvitationId, _) = (runtime.new_id(), runtime.clock.now());
    let (token, email) = (
        FreshSecret::new(&runtime.random, "min_"),
        Sealed::new(body.email.clone()),
    );
    let holder = find_by_address(&by.unlimited(BY_ADDRESS), &body.email).await?;
    let to = mailbox(holder.as_ref(), &body.email);

    let message = invitation_mail(&sql, &accounts, to, &organization_name, &token.text)?;
    let index = email.index(ring, &email_index()).into_bytes();
    admit_invitation(&sql, organization, &index).await?;

    let (key, wrapped) = ring.new_data_key(&runtime.random, organization, id.uuid());
    let indexes: Vec<_> = email
        .indexes(ring, &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let (invited_by, expires_at) = (by.principal().user, now + LIFETIME);
    let [held, owner] = held_by(by.principal());
    let values = [
        organization.into(),
        id.uuid().into(),
        key.id().into(),
        wrapped.0.into(),
        now.inner().into(),
        email
            .seal(&key, &runtime.random, &email_cell(organization, id))
            .into(),
        index.into(),
        indexes.into(),
        role_id.into(),
        token.hash.into(),
        invited_by.uuid().into(),
        expires_at.inner().into(),
        role.into(),
        held,
        owner,
    ];

    let event = about(
        Action::InvitationCreated,
        "invitation",
        Some(id.uuid()),
        Some(organization.into()),
    );

    let given = standing::in_role(by.principal());
    let change = Change::new("invitations.insert", CREATE, values, event)
        .given(given)
        .showing_rows()
        .queue(message);
    if sql.change(change).await?.is_empty() {
        let refusal = refused(&by, "invitation", None).await;
        return Err(standing::role_lost_or(&sql, by.principal(), refusal).await);
    }

    let role = role.to_owned();

    Ok(Created(InvitationView {
        id,
        email: email.masked(),
        role,
        invited_by,
        created_at: now,
        expires_at,
    }))
}

/// The role that an invitation gives.
#[derive(FromRow)]
struct RoleToGive {
    /// The organization's name.
    organization: String,
    role: Option<Uuid>,
    /// Whether the role grants more than the caller's.
    exceeds: Option<bool>,
}

/// Finds the role with this name, if the caller may assign it, and the organization's name.
async fn find_role(by: &Allowed<MembersManage>, role: &str) -> Result<(Uuid, String), Problem> {
    const FIND: &str = r"
        SELECT o.name AS organization, r.id AS role, mainstay.role_exceeds(r.id, $2, $3) AS exceeds
        FROM organizations o
        LEFT JOIN roles r ON r.name = $1
    ";

    let [held, owner] = held_by(by.principal());
    let found: Option<RoleToGive> = by
        .query::<(Organizations, Roles), _>("roles.to_give", FIND, [role.into(), held, owner])
        .await?
        .pop();

    // The organization was deleted in the meantime, and the session with it.
    let found = found.ok_or_else(|| UNAUTHENTICATED.problem())?;
    let id = found.role.ok_or_else(|| UNKNOWN_ROLE.problem())?;
    if found.exceeds == Some(false) {
        Ok((id, found.organization))
    } else {
        Err(refused(by, "role", Some(id)).await)
    }
}

/// Creates the job that sends the token by e-mail. Refuses an address that cannot receive e-mail.
fn invitation_mail(
    sql: &Sql,
    accounts: &Accounts,
    email: &EmailAddress,
    organization: &str,
    token: &SecretString,
) -> Result<mainstay_database::Job, Problem> {
    let letter = Letter::new(format!("Join {organization}"))
        .paragraph(format!(
            "You are invited to join the organization “{organization}”."
        ))
        .button(
            "Accept the invitation",
            letters::link(accounts, "invitation", token),
        )
        .paragraph(
            "The link can be used once and expires after seven days. \
             If you do not have an account, you can create one there.",
        )
        .footer("If you did not expect this invitation, ignore this e-mail.");

    let unreachable = || FieldError {
        location: "body".into(),
        pointer: "/email".to_owned(),
        detail: "this address cannot receive e-mail".to_owned(),
    };

    let mail = Mail::new(email.as_str(), &letter)
        .map_err(|_| INVALID_INPUT.problem().errors([unreachable()]))?;
    mail.job(sql).map_err(Error::into)
}
