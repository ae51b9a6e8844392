//! What the queries of this crate may select from: what belongs to the caller's organization, and
//! the built-in roles.

use mainstay_database::Relation;

/// Declares relations: their table, the columns that a query sees, and whose rows.
macro_rules! relations {
    ($($(#[$doc:meta])* $name:ident: $table:literal [$($column:literal),+] if $condition:literal;)+) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl Relation for $name {
            type Scope = mainstay_database::OrganizationScope;

            const NAME: &'static str = $table;
            const TABLE: &'static str = concat!("mainstay.", $table);
            const CONDITION: &'static str = $condition;
            const FUNCTIONS: &'static [&'static str] = &EXCEEDS;

            fn columns() -> impl Iterator<Item = &'static str> {
                [$($column),+].into_iter()
            }
        }
    )+};
}

/// They compare a role, or that of a member, with the caller's permissions.
const EXCEEDS: [&str; 2] = ["mainstay.role_exceeds", "mainstay.member_exceeds"];

relations! {
    /// The caller's organization.
    Organizations: "organizations" ["id", "name"]
        if "id = ?";
    /// Its roles, and the built-in ones.
    Roles: "roles" ["id", "organization_id", "name", "version"]
        if "organization_id = ? OR organization_id IS NULL";
    /// What these roles grant.
    RolePermissions: "role_permissions" ["role_id", "permission"]
        if "role_id IN (SELECT id FROM mainstay.roles WHERE organization_id = ? OR organization_id IS NULL)";
    /// The memberships in it.
    Memberships: "memberships" ["user_id", "organization_id", "role_id", "created_at"]
        if "organization_id = ?";
    /// The accounts of its members.
    Users: "users" ["id", "kind", "name", "active", "created_at", "email", "data_key"]
        if "id IN (SELECT user_id FROM mainstay.memberships WHERE organization_id = ?)";
    /// The keys that seal what describes its members.
    DataKeys: "data_keys" ["id", "subject_id", "wrapped"]
        if "subject_id IN (SELECT user_id FROM mainstay.memberships WHERE organization_id = ?)";
    /// The sessions in it.
    Sessions: "sessions" [
        "id", "user_id", "kind", "client_id", "created_at", "last_used_at", "expires_at",
        "idle_expires_at", "ended_at"
    ]
        if "organization_id = ?";
    /// The API keys of its members and service accounts.
    ApiKeys: "api_keys" ["id", "user_id", "organization_id", "revoked_at"]
        if "organization_id = ?";
    /// The secrets of its service accounts.
    ClientSecrets: "client_secrets" [
        "id", "user_id", "organization_id", "created_at", "expires_at", "last_used_at", "revoked_at",
        "scopes", "permissions", "made_by", "sponsor_id"
    ]
        if "organization_id = ?";
    /// The invitations to it.
    Invitations: "invitations" ["id", "organization_id", "role_id", "invited_by"]
        if "organization_id = ?";
}
