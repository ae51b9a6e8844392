//! Reloads a renewed TLS certificate without a restart: at SIGHUP, and automatically every 15
//! seconds.

use mainstay_http::Certificate;
use mainstay_kernel::Timestamp;

/// Reloads the certificate from its files. Returns `true` if it has changed.
///
/// # Errors
/// Why the files were refused; the old certificate stays in use. Log it with [`log_refusal`].
pub(crate) fn renew(certificate: &Certificate, now: Timestamp) -> Result<bool, String> {
    let is_new = certificate.reload(now).map_err(|error| error.to_string())?;
    if is_new {
        tracing::info!(expires = %certificate.ends(), "certificate reloaded");
    }

    Ok(is_new)
}

/// Logs and counts a refused certificate.
pub(crate) fn log_refusal(why: &str) {
    metrics::counter!("tls_certificate_refused_total").increment(1);
    tracing::error!(why, "new certificate refused; the old one stays in use");
}
