//! Writes the permissions that the code declares to the database.

use mainstay_access::Declared;
use mainstay_database::{Error, Owner, Value};

/// Only new permissions are granted to the roles that the code names: a permission that an operator
/// has taken from a role is not granted again.
const DECLARE: &str = r"
    WITH declared AS (
        INSERT INTO mainstay.permissions (name, help, administrative)
        SELECT name, help, name = ANY ($5::text[])
        FROM unnest($1::text[], $2::text[]) AS declared (name, help)
        ON CONFLICT (name) DO UPDATE
        SET help = excluded.help, administrative = excluded.administrative
    )
    INSERT INTO mainstay.role_permissions (role_id, permission)
    SELECT roles.id, granted.permission
    FROM unnest($3::text[], $4::text[]) AS granted (role, permission)
    JOIN mainstay.roles ON roles.name = granted.role AND roles.organization_id IS NULL
    WHERE NOT EXISTS (SELECT FROM mainstay.permissions WHERE permissions.name = granted.permission)
";

/// Writes the permissions that the code declares to the database, as the owner of the schema.
///
/// # Errors
/// The error of the database.
pub async fn declare_permissions(owner: &mut Owner, declared: &[Declared]) -> Result<(), Error> {
    let mut unique = declared.to_vec();
    unique.sort_by_key(|permission| permission.name);
    unique.dedup_by_key(|permission| permission.name);

    let grants: Vec<_> = unique
        .iter()
        .flat_map(|permission| {
            permission
                .granted_to
                .iter()
                .map(|role| (role.name(), permission.name))
        })
        .collect();

    let values = [
        texts(unique.iter().map(|permission| permission.name)),
        texts(unique.iter().map(|permission| permission.help)),
        texts(grants.iter().map(|(role, _)| *role)),
        texts(grants.iter().map(|(_, permission)| *permission)),
        texts(
            unique
                .iter()
                .filter(|permission| permission.administrative)
                .map(|permission| permission.name),
        ),
    ];

    owner.run(DECLARE, values).await.map(drop)
}

fn texts<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    items.map(str::to_owned).collect::<Vec<_>>().into()
}
