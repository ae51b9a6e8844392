//! Why a service could not start.

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
    /// The settings give a period for a table without a retention rule.
    #[error(transparent)]
    Retention(#[from] UnknownRule),
    /// The database pool cannot be created.
    #[error(transparent)]
    Database(#[from] Error),
    /// A port cannot be bound, or a certificate cannot be loaded.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The webhook for findings is misconfigured.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}
