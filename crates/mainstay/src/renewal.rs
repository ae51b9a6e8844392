//! A certificate that was renewed on the disk is shown without a restart: at a signal, and by itself within a quarter of a
//! minute.

use mainstay_http::Certificate;
use mainstay_kernel::Timestamp;

/// Reads the files of the certificate again; `Ok(true)` when another one is shown from now on.
///
/// # Errors
/// Why what they hold is not taken: the old one stays. To be told by [`tell_refusal`].
pub(crate) fn renew(certificate: &Certificate, now: Timestamp) -> Result<bool, String> {
    let is_new = certificate.reload(now).map_err(|error| error.to_string())?;
    if is_new {
        tracing::info!(expires = %certificate.ends(), "a new certificate is shown");
    }
    Ok(is_new)
}

/// Tells that a certificate was not taken, and why.
pub(crate) fn tell_refusal(why: &str) {
    metrics::counter!("tls_certificate_refused_total").increment(1);
    tracing::error!(why, "a new certificate is refused, and the old one stays");
}
