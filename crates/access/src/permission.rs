//! Permissions, declared as types.

/// A permission that endpoints require and roles grant. Declared with
/// [`permission!`](crate::permission).
pub trait Permission: Send + Sync + 'static {
    /// The name, `<resource>.<verb>`. Roles are lists of such names.
    const NAME: &'static str;
    /// What it allows, in one sentence.
    const HELP: &'static str;
    /// The built-in roles that have it by default. An operator may change that later.
    const GRANTED_TO: &'static [BuiltInRole];

    /// Whether it changes the rights or the access of others. A machine's credential has it only if
    /// its scopes name it, and a person must re-authenticate before they use it (OWASP ASVS 7.5.3).
    const ADMINISTRATIVE: bool = false;

    /// The declaration as a value.
    const DECLARED: Declared = Declared {
        name: Self::NAME,
        help: Self::HELP,
        granted_to: Self::GRANTED_TO,
        administrative: Self::ADMINISTRATIVE,
    };
}

/// A permission's declaration as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// `<resource>.<verb>`.
    pub name: &'static str,
    /// What it allows.
    pub help: &'static str,
    /// The built-in roles that have it by default.
    pub granted_to: &'static [BuiltInRole],
    /// Whether it changes the rights or the access of others.
    pub administrative: bool,
}

/// The roles that every organization has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuiltInRole {
    /// Administers the organization.
    Owner,
    /// Manages its daily business.
    Manager,
    /// Works with its records.
    Agent,
    /// Reads the audit log and changes nothing.
    Auditor,
}

impl BuiltInRole {
    /// Every built-in role, the most powerful first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Manager, Self::Agent, Self::Auditor];

    /// The role's name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Agent => "agent",
            Self::Auditor => "auditor",
        }
    }
}

/// Declares permissions. Each is a type that an endpoint names in `Allowed<…>`:
///
/// ```
/// mainstay_access::permission! {
///     /// See notes.
///     pub NotesRead = "notes.read", for [Owner, Manager, Agent];
/// }
/// # use mainstay_access::Permission;
/// assert_eq!(NotesRead::NAME, "notes.read");
/// assert_eq!(NotesRead::HELP, "See notes.");
/// assert!(!NotesRead::ADMINISTRATIVE);
/// ```
///
/// A permission to change the rights of others must be marked `administrative`. Endpoints that make
/// such changes need the policy `Fresh` or `FreshOrScoped`:
///
/// ```
/// mainstay_access::permission! {
///     /// Share notes with others.
///     pub NotesShare = "notes.share", for [Owner], administrative;
/// }
/// # use mainstay_access::Permission;
/// assert!(NotesShare::ADMINISTRATIVE);
/// ```
#[macro_export]
macro_rules! permission {
    (@administrative) => { false };
    (@administrative administrative) => { true };
    ($(#[doc = $help:literal] $visibility:vis $type:ident = $name:literal, for [$($role:ident),* $(,)?]
        $(, $class:ident)?;)+) => {$(
        #[doc = $help]
        #[derive(Clone, Copy, Debug)]
        $visibility enum $type {}

        impl $crate::Permission for $type {
            const NAME: &'static str = $name;
            const HELP: &'static str = $help.trim_ascii();
            const GRANTED_TO: &'static [$crate::BuiltInRole] = &[$($crate::BuiltInRole::$role),*];
            const ADMINISTRATIVE: bool = $crate::permission!(@administrative $($class)?);
        }
    )+};
}
