//! Which door reaches rows of which scope. A wrong combination does not compile.

use std::sync::OnceLock;

use mainstay_access::Permission;

use crate::{Entity, EntityScope, OrganizationScope, Person, PersonScope, PlatformScope};

/// A scope whose rows a door opened with `A` reads.
#[diagnostic::on_unimplemented(
    message = "a door opened with `{A}` does not read rows of `{Self}`",
    label = "rows that this caller does not reach",
    note = "`Allowed<SomePermission>` reads rows of the caller's organization, `SignedIn` and `InPerson` the caller's \
            own rows, both also those of the platform",
    note = "`Public` reads the part of an entity that `#[entity(public = \"…\")]` declares"
)]
pub trait ReadBy<A>: EntityScope {}

impl<P: Permission> ReadBy<P> for OrganizationScope {}
impl ReadBy<Person> for PersonScope {}
impl<P: Permission> ReadBy<P> for PlatformScope {}
impl ReadBy<Person> for PlatformScope {}

/// A scope in which a door opened with `A` writes rows of `E`, and reads their sealed values.
#[diagnostic::on_unimplemented(
    message = "a door opened with `{A}` does not write rows of `{E}`, which are of `{Self}`",
    label = "rows that this caller does not write",
    note = "`Allowed<SomePermission>` writes rows of the caller's organization, `SignedIn` and `InPerson` the caller's \
            own rows",
    note = "rows of the platform are written with the permission that their entity names: `#[entity(scope = platform, \
            write = SomePermission)]`"
)]
pub trait WrittenBy<A, E>: ReadBy<A> {}

impl<P: Permission, E: Entity> WrittenBy<P, E> for OrganizationScope {}
impl<E: Entity> WrittenBy<Person, E> for PersonScope {}
impl<P: Permission, E: WrittenWith<P>> WrittenBy<P, E> for PlatformScope {}

/// An entity of the platform whose rows are written with the permission `P`: `#[entity(scope =
/// platform, write = CatalogWrite)]`.
///
/// A permission is held in an organization. In an app with several organizations, declare it `for
/// []`, so that no role of a customer has it.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` are not written with the permission `{P}`",
    label = "rows of the platform, which another permission writes",
    note = "ask for the permission that the entity names: `#[entity(scope = platform, write = SomePermission)]`"
)]
pub trait WrittenWith<P: Permission>: Entity {}

/// A scope whose rows can represent a person who is exported and erased: of an organization or of
/// the platform. The rows of a person's account go with the account.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` do not represent a person of their own",
    label = "they are exported and erased with the account that they belong to"
)]
pub trait HasSubjects: EntityScope {}

impl HasSubjects for OrganizationScope {}
impl HasSubjects for PlatformScope {}

/// The public part of an entity: the rows that everyone may read, also without a credential.
/// Declared once: `#[entity(public = "published_at IS NOT NULL")]`.
///
/// Such an entity has no sealed column. To publish a part of a table with sealed columns, declare a
/// second row type with the public columns only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no public part",
    label = "`Public` reads nothing else",
    note = "write `#[entity(public = \"published_at IS NOT NULL\")]`, with the condition for the rows that everyone \
            may read"
)]
pub trait PublicPart: Entity {
    /// The SQL condition for the rows.
    const CONDITION: &'static str;

    /// Caches the statement that reads one row.
    #[doc(hidden)]
    fn statement() -> &'static OnceLock<String>;
}
