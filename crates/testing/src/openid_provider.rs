//! A small OpenID provider for tests. It signs people in without asking, and misbehaves on demand.

mod answers;
mod client;
mod exchange;
mod grants;
mod keys;
mod listener;
mod state;

use std::sync::{Arc, Mutex};

use mainstay_kernel::Clock;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub use keys::Signing;
pub use state::{Misbehaviour, Redirected, Script};

use client::{CLIENT_ID, CLIENT_SECRET};
use keys::Keys;
use state::{Shared, locked};

/// An OpenID provider on this machine; it stops when the value is dropped. Tests call
/// [`authorize`](Self::authorize) in place of a person in a browser. A real browser is redirected
/// back at once, signed in as [`Script::visitor`].
pub struct OpenIdProvider {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl OpenIdProvider {
    /// Starts a provider on a free port, with the clock of the service under test.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let shared = Arc::new(Shared {
            issuer: format!("http://{address}"),
            clock,
            script: Mutex::default(),
            keys: Mutex::new(Keys::new()),
            grants: Mutex::default(),
            calls: Mutex::default(),
        });

        let serving = tokio::spawn(listener::serve(listener, shared.clone()));
        Self { shared, serving }
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// The client secret that the service shares with it.
    pub fn client_secret(&self) -> &str {
        CLIENT_SECRET
    }

    /// Its entry for the setting `identity.oidc_providers`, with sign-up allowed.
    pub fn settings(&self, name: &str) -> Value {
        json!({
            "name": name,
            "issuer": self.issuer(),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "sign_up": "allow",
        })
    }

    /// Changes its behaviour from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut locked(&self.shared.script));
    }

    /// Replaces its signing keys.
    pub fn rotate_keys(&self) {
        *locked(&self.shared.keys) = Keys::new();
    }

    /// Number of calls to a path.
    pub fn calls(&self, path: &str) -> usize {
        locked(&self.shared.calls)
            .get(path)
            .copied()
            .unwrap_or_default()
    }

    /// Signs in a person with these claims (at least `sub`) at the authorization URL that the
    /// service redirected to.
    ///
    /// # Panics
    /// When the URL asks for anything but the authorization code flow with PKCE, a state and a
    /// nonce.
    pub fn authorize(&self, authorization_url: &str, claims: Value) -> Redirected {
        self.shared.authorize(authorization_url, claims)
    }
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
