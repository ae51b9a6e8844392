//! The cookie that carries a browser's session.

use http::{HeaderName, HeaderValue};
use mainstay_http::SESSION_COOKIE;
use mainstay_kernel::{ExposeSecret as _, Random, SecretString, SessionId};
use time::Duration;

use crate::{
    secret::{FreshSecret, hash},
    set_cookie::{SameSite, set_cookie},
};

/// The value of a browser's session cookie: the session, and a secret that only the browser has.
pub struct CookieSecret {
    value: SecretString,
    /// The SHA-256 of the secret, which is stored.
    pub hash: Vec<u8>,
}

impl CookieSecret {
    /// Generates a secret for a session.
    pub fn new(random: &Random, session: SessionId) -> Self {
        let secret = FreshSecret::new(random, "");
        Self {
            value: format!("{session}.{}", secret.text.expose_secret()).into(),
            hash: secret.hash,
        }
    }

    /// Parses a cookie into its session and the hash of its secret.
    pub fn read(value: &str) -> Option<(SessionId, Vec<u8>)> {
        let (session, secret) = value.split_once('.')?;
        Some((session.parse().ok()?, hash(secret)))
    }

    /// The `Set-Cookie` header, with all protective attributes (OWASP ASVS 3.3.1 to 3.3.4).
    pub fn header(&self, lifetime: Duration) -> Option<(HeaderName, HeaderValue)> {
        set_cookie(
            SESSION_COOKIE,
            self.value.expose_secret(),
            SameSite::Lax,
            lifetime,
        )
    }
}

/// The `Set-Cookie` header that deletes the cookie.
pub fn clearing_cookie() -> Option<(HeaderName, HeaderValue)> {
    set_cookie(SESSION_COOKIE, "", SameSite::Lax, Duration::ZERO)
}
