//! The HTTP client that speaks to providers, and what it refuses to do for them.

use std::time::Duration;

use futures_util::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

/// More than any provider's document or key set.
const LARGEST_ANSWER: usize = 256 * 1024;

/// How long it takes at most to reach a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls providers: over verified TLS, never where an answer redirects to, and never for longer or for more than it was
/// told (OWASP ASVS 1.3.6, 12.3.1, 12.3.2, 15.3.2).
pub(crate) struct HttpClient {
    client: reqwest::Client,
    loopback: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// It would go in clear.
    #[error("the URL is not one that may be called: https, and no credentials in it")]
    Url,
    /// The provider says more than it should.
    #[error("the answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
    /// The provider does not answer.
    #[error("there is no answer")]
    Request(#[source] reqwest::Error),
}

impl HttpClient {
    /// A client that waits for `timeout` at most. `loopback` allows http to this very machine, for development.
    ///
    /// # Errors
    /// When TLS cannot be had.
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

    /// Whether http to this very machine will do.
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

/// Whether a URL leads somewhere over TLS; or, where `loopback` allows it, to this very machine.
pub(crate) fn is_safe(url: &openidconnect::url::Url, loopback: bool) -> bool {
    use openidconnect::url::Host;
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let covered = url.scheme() == "https" || (url.scheme() == "http" && here && loopback);
    covered && url.username().is_empty() && url.password().is_none()
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
