//! The names that people choose: [`Line`]s of a maximum length.

use mainstay_kernel::Line;

/// The name of an organization: 1 to 200 characters on one line.
pub type OrganizationName = Line<200>;

/// The name of a key, a passkey, a service account or an application: 1 to 100 characters on one
/// line.
pub type DisplayName = Line<100>;
