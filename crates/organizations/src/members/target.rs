//! Finds the member that a change concerns.

use mainstay_access::Permission;
use mainstay_accounts::account::address::email_cell;
use mainstay_database::{Door, Error, OwnKey, Row, Unscoped, Uuid};
use mainstay_kernel::{EmailAddress, UserId};
use mainstay_principals::privilege::held_by;

use super::row::MemberId;

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
            present.name,
            mainstay.role_exceeds(m.role_id, $4, $5),
            wanted.id,
            mainstay.role_exceeds(wanted.id, $4, $5),
            o.name,
            u.email,
            k.id,
            k.wrapped
        FROM mainstay.memberships m
        JOIN mainstay.organizations o ON o.id = m.organization_id
        JOIN mainstay.roles present ON present.id = m.role_id
        JOIN mainstay.users u ON u.id = m.user_id AND u.kind = 'person'
        JOIN mainstay.data_keys k ON k.id = u.data_key
        LEFT JOIN mainstay.roles wanted
            ON wanted.name = $3
            AND (wanted.organization_id = m.organization_id OR wanted.organization_id IS NULL)
        WHERE m.organization_id = $1 AND m.user_id = $2
    ";

    let [held, owner] = held_by(by.principal());
    let values = [
        member.uuid().into(),
        wanted.map(str::to_owned).into(),
        held,
        owner,
    ];

    let rows = by.select("memberships.find", FIND, values).await?;
    rows.first().map(read).transpose()
}

fn read(row: &Row) -> Result<TargetMember, Error> {
    let user: UserId = row.get(0)?;
    let wanted = row.get::<Option<Uuid>>(4)?;

    Ok(TargetMember {
        user,
        role: row.get(1)?,
        role_name: row.get(2)?,
        exceeds: row.get(3)?,
        wanted: wanted
            .map(|wanted| Ok::<_, Error>((wanted, row.get(5)?)))
            .transpose()?,
        organization_name: row.get(6)?,
        email: row.get(7)?,
        key: mainstay_accounts::account::key::own_key(user, row, 8)?,
    })
}

impl TargetMember {
    /// Opens the member's address, to send an e-mail to the member.
    pub(crate) fn address(&self, unscoped: &Unscoped) -> Result<EmailAddress, Error> {
        unscoped.open_own(&self.key, &email_cell(self.user.uuid()), &self.email)
    }
}
