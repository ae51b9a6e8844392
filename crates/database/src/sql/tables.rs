//! Whose rows the platform's tables have.
//!
//! A statement that is limited to a person or to an organization reaches these rows, and those of
//! the entities that the modules registered. A table that is neither, or not for this kind of
//! owner, is refused.

use super::owned::{
    OwnerKind, Rows,
    Source::{Own, Owner, Written},
    Table,
};
use crate::{Scope, SealedTable};

/// The rows that an owner of this kind has in a table, with the name of the table.
pub(super) fn rows_of(
    name: &str,
    kind: OwnerKind,
    registered: &[SealedTable],
) -> Option<(&'static str, &'static Rows)> {
    if let Some(table) = TABLES.iter().find(|table| table.name == name) {
        return Some((table.name, table.rows(kind)?));
    }

    let table = registered.iter().find(|table| table.table == name)?;
    Some((table.table, rows_in(table.scope, kind)?))
}

/// The names of the tables in which an owner of this kind has rows.
pub(super) fn names(
    kind: OwnerKind,
    registered: &[SealedTable],
) -> impl Iterator<Item = &'static str> {
    let platform = TABLES.iter().map(|table| table.name);
    let registered_names = registered.iter().map(|table| table.table);

    platform
        .chain(registered_names)
        .filter(move |name| rows_of(name, kind, registered).is_some())
}

/// The rows of a registered entity.
fn rows_in(scope: Scope, kind: OwnerKind) -> Option<&'static Rows> {
    const OF_ORGANIZATION: &Rows = &Rows::of_organization();
    const OF_USER: &Rows = &Rows::of_user();
    const OF_PLATFORM: &Rows = &Rows::seen("true");

    match (scope, kind) {
        (Scope::Organization, OwnerKind::Organization) => Some(OF_ORGANIZATION),
        (Scope::Person, OwnerKind::Person) => Some(OF_USER),
        (Scope::Platform, _) => Some(OF_PLATFORM),
        _ => None,
    }
}

/// The declared tables, each with a query for every condition of it, where `$1` is the owner. For a
/// test that compares them with the catalog.
pub fn declared_tables() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    TABLES.iter().map(|table| {
        let kinds = [OwnerKind::Person, OwnerKind::Organization];
        let rows = kinds.into_iter().filter_map(|kind| table.rows(kind));
        let queries = rows.map(|rows| {
            format!(
                "SELECT $1::uuid FROM {} AS t WHERE ({}) AND ({})",
                table.name,
                rows.condition.replace('?', "$1"),
                rows.only.unwrap_or("true").replace('?', "$1")
            )
        });

        (table.name, queries.collect())
    })
}

/// The tables with owners, in the order of the migrations.
const TABLES: &[Table] = &[
    Table::new("mainstay.data_keys")
        .person(Rows::seen("t.subject_id = ?"))
        .organization(
            Rows::seen(
                "t.subject_id IN (SELECT user_id FROM mainstay.memberships WHERE organization_id = ?)",
            )
            .inserted(&[Owner("organization_id")]),
        ),
    // What is claimed as unique belongs to the row that claims it.
    Table::new("mainstay.unique_indexes").person(
        Rows::seen("false").inserted(&[Written("row_id", "mainstay.external_identities")]),
    ),
    // An organization reads the accounts of its members, and writes those of its services.
    Table::new("mainstay.users")
        .person(Rows::seen("t.id = ?").updated().deleted())
        .organization(
            Rows::seen("t.id IN (SELECT user_id FROM mainstay.memberships WHERE organization_id = ?)")
                .only("t.kind = 'service'")
                .updated()
                .deleted()
                .inserted(&[]),
        ),
    Table::new("mainstay.password_resets").person(Rows::of_user()),
    Table::new("mainstay.email_changes").person(Rows::of_user()),
    Table::new("mainstay.organizations")
        .person(
            Rows::seen("t.id IN (SELECT organization_id FROM mainstay.memberships WHERE user_id = ?)")
                .inserted(&[]),
        )
        .organization(Rows::seen("t.id = ?").updated().deleted()),
    Table::new("mainstay.permissions")
        .person(Rows::seen("true"))
        .organization(Rows::seen("true")),
    // Everyone reads the built-in roles, which belong to no organization.
    Table::new("mainstay.roles")
        .person(Rows::seen("t.id IN (SELECT role_id FROM mainstay.memberships WHERE user_id = ?)"))
        .organization(
            Rows::seen("t.organization_id = ? OR t.organization_id IS NULL")
                .only("t.organization_id = ?")
                .updated()
                .deleted()
                .inserted(&[Owner("organization_id")]),
        ),
    Table::new("mainstay.role_permissions")
        .person(Rows::seen(
            "t.role_id IN (SELECT role_id FROM mainstay.memberships WHERE user_id = ?)",
        ))
        .organization(
            Rows::seen(
                "t.role_id IN (SELECT id FROM mainstay.roles WHERE organization_id = ? OR organization_id IS NULL)",
            )
            .only("t.role_id IN (SELECT id FROM mainstay.roles WHERE organization_id = ?)")
            .deleted()
            .inserted(&[Written("role_id", "mainstay.roles")]),
        ),
    // A person joins only an organization that they found, and an organization takes in only a
    // service account that it creates. Invitations are the way for everyone else.
    Table::new("mainstay.memberships")
        .person(
            Rows::seen("t.user_id = ?")
                .deleted()
                .inserted(&[Owner("user_id"), Written("organization_id", "mainstay.organizations")]),
        )
        .organization(
            Rows::seen("t.organization_id = ?")
                .updated()
                .deleted()
                .inserted(&[Owner("organization_id"), Written("user_id", "mainstay.users")]),
        ),
    Table::new("mainstay.invitations").organization(Rows::of_organization()),
    Table::new("mainstay.oauth_clients").person(Rows::seen("true")),
    Table::new("mainstay.oauth_grants").person(Rows::of_user()),
    Table::new("mainstay.sessions")
        .person(Rows::seen("t.user_id = ?").updated())
        .organization(Rows::seen("t.organization_id = ?").updated()),
    Table::new("mainstay.authorization_codes").person(
        Rows::seen("t.granted_by IN (SELECT id FROM mainstay.sessions WHERE user_id = ?)")
            .deleted()
            .inserted(&[Own("granted_by", "mainstay.sessions")]),
    ),
    Table::new("mainstay.totps").person(Rows::of_user()),
    Table::new("mainstay.recovery_codes").person(Rows::of_user()),
    Table::new("mainstay.passkeys").person(Rows::of_user()),
    // The challenge of a sign-in belongs to no account yet.
    Table::new("mainstay.webauthn_challenges").person(
        Rows::seen("t.user_id = ? OR t.user_id IS NULL")
            .deleted()
            .inserted(&[Owner("user_id")]),
    ),
    Table::new("mainstay.external_identities").person(Rows::of_user()),
    Table::new("mainstay.api_keys")
        .person(Rows::of_user())
        .organization(Rows::of_organization()),
    Table::new("mainstay.client_secrets").organization(Rows::of_organization()),
    Table::new("mainstay.sign_in_places").person(Rows::of_user()),
    // No hand-written statement of a caller reaches these.
    Table::new("mainstay.audit_events"),
    Table::new("mainstay.findings"),
    Table::new("mainstay.finding_subjects"),
    Table::new("mainstay.home_organization"),
];
