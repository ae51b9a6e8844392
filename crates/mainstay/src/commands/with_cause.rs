//! Failures of the database, as a command tells them.

use mainstay_database::Error;

/// The cause too: an operator may know it.
pub(super) fn with_cause(error: Error) -> anyhow::Error {
    let cause = error
        .cause()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    anyhow::anyhow!("{error}{cause}")
}
