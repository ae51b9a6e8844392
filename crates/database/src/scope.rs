//! Whose row it is, by type: the scopes of entities.
//!
//! A scope decides the statements of an entity (`entity_statements.rs`) and what its sealed values
//! are bound to. Which door reaches it is in `reach.rs`.

use crate::Scope;

/// Whose rows an entity has. Declared with `#[entity(scope = …)]`.
///
/// | scope | column | read by | written by |
/// |---|---|---|---|
/// | `organization` | `organization_id` | a permission in the organization | a permission in the organization |
/// | `person` | `user_id` | the account itself | the account itself |
/// | `platform` | none | every signed-in caller | the permission that the entity names |
pub trait EntityScope: Send + Sync + 'static {
    /// The scope as a value.
    const SCOPE: Scope;
}

/// Rows of an organization, in the column `organization_id`. The default.
pub enum OrganizationScope {}

/// Rows of a person's account, in the column `user_id`. Their audit records belong to no
/// organization, so that no employer reads what a person keeps for themselves.
pub enum PersonScope {}

/// Rows of the whole platform: reference data, such as countries.
pub enum PlatformScope {}

impl EntityScope for OrganizationScope {
    const SCOPE: Scope = Scope::Organization;
}

impl EntityScope for PersonScope {
    const SCOPE: Scope = Scope::Person;
}

impl EntityScope for PlatformScope {
    const SCOPE: Scope = Scope::Platform;
}

impl Scope {
    /// The column with the owner of a row.
    pub const fn column(self) -> Option<&'static str> {
        match self {
            Self::Organization => Some("organization_id"),
            Self::Person => Some("user_id"),
            Self::Platform | Self::Nowhere => None,
        }
    }

    /// The condition for the owner's rows, starting with ` AND `. `row` is an alias and its dot, or
    /// empty.
    pub(crate) fn condition(self, row: &str, owner: &str) -> String {
        self.column()
            .map(|column| format!(" AND {row}{column} = {owner}"))
            .unwrap_or_default()
    }

    /// The owner of the rows, among the parameters of a record: `$3` is its organization, and `$4`
    /// its actor.
    pub(crate) const fn owner_in_record(self) -> &'static str {
        match self {
            Self::Organization => "$3",
            Self::Person => "$4",
            Self::Platform | Self::Nowhere => "'00000000-0000-0000-0000-000000000000'::uuid",
        }
    }

    /// The condition of a statement that carries a record.
    pub(crate) fn of_record(self, row: &str) -> String {
        self.condition(row, self.owner_in_record())
    }
}
