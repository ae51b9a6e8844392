//! Whether people of an app know of organizations.

/// Whether an app has several organizations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tenancy {
    /// People create organizations and switch between them.
    #[default]
    Several,
    /// Every account belongs to the one organization, and no endpoint creates or lists others.
    Single,
}
