//! How long the names may be that people choose. Their form is that of every [`Line`].

use mainstay_kernel::Line;

/// What an organization is called: 1 to 200 characters on one line.
pub type OrganizationName = Line<200>;

/// What a key, a passkey, a service account or an application is called: 1 to 100 characters on one line.
pub type DisplayName = Line<100>;
