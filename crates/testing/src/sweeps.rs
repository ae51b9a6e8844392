//! Attacks on every operation of an API, driven by its document: a new endpoint is covered without
//! a new test. Each family starts its own service, tries everything, and panics once with all
//! failures. It also checks what holds for every response: the operation documents its status and
//! code, a problem is complete (RFC 9457), the security headers are present, and nothing was
//! written. One family attacks nothing: `growth` looks at the statements of valid requests. Sweeps
//! do not know what an operation does: test that with the feature.

mod bodies;
mod coverage;
mod credentials;
mod echoes;
mod growth;
mod methods;
mod operations;
mod organizations;
mod parameters;
mod permissions;
mod platform_rows;
mod sealed_rows;
mod shape;
mod sweep;

pub use bodies::bodies;
pub use coverage::Coverage;
pub use credentials::credentials;
pub use echoes::echoes;
pub use growth::growth;
pub use methods::methods;
pub use organizations::organizations;
pub use parameters::parameters;
pub use permissions::permissions;

use mainstay::Platform;

/// Runs all families, one after the other.
///
/// # Panics
/// At the first family that finds a failure.
pub async fn run(platform: fn() -> Platform) {
    credentials(platform()).await;
    permissions(platform()).await;
    organizations(platform()).await;
    bodies(platform(), Coverage::All).await;
    parameters(platform(), Coverage::All).await;
    methods(platform()).await;
    echoes(platform(), Coverage::All).await;
    growth(platform(), Coverage::All).await;
}
