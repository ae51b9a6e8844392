//! Finds the member that a change concerns.

use mainstay_access::Permission;
use mainstay_accounts::account::address::email_cell;
use mainstay_database::{Door, Error, FromRow, OwnKey, Sql, Uuid};
use mainstay_kernel::{EmailAddress, UserId};
use mainstay_principals::privilege::held_by;

use super::row::MemberId;
use crate::relations::{DataKeys, Memberships, Organizations, Roles, Users};

/// The member that a change concerns.
pub(crate) struct TargetMember {
    pub(crate) user: UserId,
    /// The member's present role.
    pub(crate) role: Uuid,
    pub(crate) role_name: String,
    /// Whether the present role grants more than the caller's.
    pub(crate) exceeds: bool,
    /// The requested role, if the organization has it, and whether it grants more than the
    /// caller's.
    pub(crate) wanted: Option<(Uuid, bool)>,
    /// The organization's name, for e-mails.
    pub(crate) organization_name: String,
    email: Vec<u8>,
    key: OwnKey,
}

/// Finds a member of the caller's organization, and the organization's role named `wanted`.
pub(crate) async fn find_target<P: Permission>(
    by: &Door<P>,
    member: MemberId,
    wanted: Option<&str>,
) -> Result<Option<TargetMember>, Error> {
    const FIND: &str = r"
        SELECT
            m.user_id,
            m.role_id,
            present.name AS role_name,
            mainstay.role_exceeds(m.role_id, $3, $4) AS exceeds,
            wanted.id AS wanted,
            mainstay.role_exceeds(wanted.id, $3, $4) AS wanted_exceeds,
            o.name AS organization_name,
            u.email,
            k.id AS key_id,
            k.wrapped AS wrapped_key
        FROM memberships m
        JOIN organizations o ON o.id = m.organization_id
        JOIN roles present ON present.id = m.role_id
        JOIN users u ON u.id = m.user_id AND u.kind = 'person'
        JOIN data_keys k ON k.id = u.data_key
        LEFT JOIN roles wanted ON wanted.name = $2
        WHERE m.user_id = $1
    ";

    let [held, owner] = held_by(by.principal());
    let values = [
        member.uuid().into(),
        wanted.map(str::to_owned).into(),
        held,
        owner,
    ];

    let mut found = by
        .query::<Target, FoundMember>("memberships.find", FIND, values)
        .await?;

    Ok(found.pop().map(TargetMember::of))
}

/// What a member is found in.
type Target = (Memberships, Organizations, Roles, Users, DataKeys);

/// The member, as read from the database.
#[derive(FromRow)]
struct FoundMember {
    user_id: UserId,
    role_id: Uuid,
    role_name: String,
    exceeds: bool,
    wanted: Option<Uuid>,
    wanted_exceeds: Option<bool>,
    organization_name: String,
    email: Vec<u8>,
    key_id: i64,
    wrapped_key: Vec<u8>,
}

impl TargetMember {
    fn of(found: FoundMember) -> Self {
        let key = OwnKey {
            id: found.key_id,
            subject: found.user_id.uuid(),
            wrapped: found.wrapped_key,
        };

        Self {
            user: found.user_id,
            role: found.role_id,
            role_name: found.role_name,
            exceeds: found.exceeds,
            wanted: found.wanted.zip(found.wanted_exceeds),
            organization_name: found.organization_name,
            email: found.email,
            key,
        }
    }

    /// Opens the member's address, to send an e-mail to the member.
    pub(crate) fn address(&self, sql: &Sql) -> Result<EmailAddress, Error> {
        sql.open_own(&self.key, &email_cell(self.user.uuid()), &self.email)
    }
}
