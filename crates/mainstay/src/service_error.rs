//! Why a service does not start.

use mainstay_database::Error;
use mainstay_http::{ApiError, ServeError};
use mainstay_watch::WebhookError;

use crate::retention::UnknownRule;

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The declarations contradict each other.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A retention rule has a period, and does not exist.
    #[error(transparent)]
    Retention(#[from] UnknownRule),
    /// The database pool cannot be made.
    #[error(transparent)]
    Database(#[from] Error),
    /// A port or a certificate cannot be had.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Findings cannot be told of.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}
