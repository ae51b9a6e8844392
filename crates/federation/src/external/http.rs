//! The HTTP client for requests to providers, and its restrictions.

use std::time::Duration;

use futures_util::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

/// Maximum size of a response in bytes. Documents and key sets of providers are smaller.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Maximum time to connect to a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests to providers over verified TLS. Follows no redirects, and limits the time and the
/// size of responses (OWASP ASVS 1.3.6, 12.3.1, 12.3.2, 15.3.2).
pub(crate) struct HttpClient {
    client: reqwest::Client,
    loopback: bool,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The URL is not encrypted, or contains credentials.
    #[error("the URL must use https and contain no credentials")]
    Url,
    /// The response is too large.
    #[error("the response is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
    /// The provider cannot be reached, or timed out.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
}

impl HttpClient {
    /// Creates a client with a timeout. `loopback` allows http to this machine, for development.
    ///
    /// # Errors
    /// If TLS cannot be initialized.
    pub(super) fn new(timeout: Duration, loopback: bool) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .https_only(!loopback)
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .user_agent("mainstay")
            .build()?;
        Ok(Self { client, loopback })
    }

    /// Whether http to this machine is allowed.
    pub(super) fn takes_loopback(&self) -> bool {
        self.loopback
    }

    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let failed = |error: reqwest::Error| HttpError::Request(error.without_url());
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        if !is_safe(request.url(), self.loopback) {
            return Err(HttpError::Url);
        }

        let mut response = self.client.execute(request).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }

        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        std::mem::swap(answer.headers_mut(), response.headers_mut());

        Ok(answer)
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.fetch(request))
    }
}

/// Whether a URL uses TLS, or refers to this machine if `loopback` allows it.
pub(crate) fn is_safe(url: &openidconnect::url::Url, loopback: bool) -> bool {
    use openidconnect::url::Host;

    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && here && loopback);

    is_private && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_leaves_the_machine() {
        let safe = |url: &str, loopback| is_safe(&url.parse().unwrap(), loopback);
        assert!(safe("https://id.example/token", false));
        assert!(safe("http://127.0.0.1:8080/token", true));
        assert!(safe("http://[::1]/token", true) && safe("http://localhost/token", true));
        assert!(!safe("http://127.0.0.1:8080/token", false));

        for wrong in [
            "http://id.example/token",
            "http://127.0.0.1.example/",
            "http://localhost.example/",
            "https://user:password@id.example/",
            "https://user@id.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(!safe(wrong, true), "{wrong}");
        }
    }
}
