//! Attacks on every operation of an API, driven by its document: an endpoint that is added is under them without a line
//! of its own.
//!
//! Each family starts a service of its own, tries everything, and panics once with all that went wrong. Every answer is
//! also held against what is true of all of them: the status and the code are documented for the operation, a problem
//! has its full shape (RFC 9457), the security headers are there, and nothing was written.
//!
//! What they do not know is what an operation is for: that is for the tests of its feature.

mod bodies;
mod credentials;
mod echoes;
mod methods;
mod operations;
mod organizations;
mod parameters;
mod permissions;
mod platform_rows;
mod sweep;

pub use bodies::bodies;
pub use credentials::credentials;
pub use echoes::echoes;
pub use methods::methods;
pub use organizations::organizations;
pub use parameters::parameters;
pub use permissions::permissions;

use mainstay::Platform;

/// All families, one after the other.
///
/// # Panics
/// At the first family that finds something.
pub async fn run(platform: fn() -> Platform) {
    credentials(platform()).await;
    permissions(platform()).await;
    organizations(platform()).await;
    bodies(platform()).await;
    parameters(platform()).await;
    methods(platform()).await;
    echoes(platform()).await;
}
