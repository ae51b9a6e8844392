//! Error messages of the database for operators.

use mainstay_database::Error;

/// Appends the cause, which only operators may see.
pub(super) fn with_cause(error: Error) -> anyhow::Error {
    let cause = error
        .cause()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    anyhow::anyhow!("{error}{cause}")
}
