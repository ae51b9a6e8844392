//! A small OpenID provider for tests: it says who signs in without asking, and misbehaves on demand.

mod answers;
mod grants;
mod keys;
mod listener;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainstay_kernel::Clock;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use grants::Grant;
use keys::Keys;
pub use keys::Signing;

/// The client that every service under test is.
const CLIENT_ID: &str = "service-under-test";
const CLIENT_SECRET: &str = "the secret of the client";

/// An OpenID provider on this machine, until the value is dropped. Tests call [`authorize`](Self::authorize) in place of a
/// person in a browser; a browser is sent back at once, as [`Script::visitor`].
pub struct OpenIdProvider {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// How it misbehaves at one of its paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Sends the caller elsewhere.
    RedirectTo(String),
    /// Says ten million bytes.
    Endless,
    /// Says nothing at all.
    Silent,
    /// Says that it is broken.
    Broken,
}

/// What came back to the client, as the provider put it into the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// The address that the person was sent back to.
    pub redirect_uri: String,
    /// The code.
    pub code: String,
    /// The state, as it was.
    pub state: String,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
}

/// What a test sets. Nothing is set at first: then the provider does everything right.
#[derive(Default)]
pub struct Script {
    /// Members that the discovery document has in place of its own.
    pub discovery: Map<String, Value>,
    /// Members that the published keys have in place of their own; null takes one away.
    pub key: Map<String, Value>,
    /// Claims that ID tokens have in place of their own; null takes one away.
    pub claims: Map<String, Value>,
    /// How ID tokens are signed.
    pub signing: Signing,
    /// Where it misbehaves, by path.
    pub misbehaviours: BTreeMap<&'static str, Misbehaviour>,
    /// Whether its answers say whose they are (RFC 9207).
    pub names_itself: bool,
    /// The claims of whoever comes with a browser.
    pub visitor: Map<String, Value>,
}

pub(crate) struct Shared {
    issuer: String,
    clock: Clock,
    script: Mutex<Script>,
    keys: Mutex<Keys>,
    grants: Mutex<BTreeMap<String, Grant>>,
    calls: Mutex<BTreeMap<String, usize>>,
}

impl OpenIdProvider {
    /// Starts one on a free port, by the clock of the service under test.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
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

    /// The secret that the service shares with it.
    pub fn client_secret(&self) -> &str {
        CLIENT_SECRET
    }

    /// What a service is told of it, for the setting `identity.oidc_providers`. Whoever signs in by it may sign up.
    pub fn settings(&self, name: &str) -> Value {
        json!({
            "name": name,
            "issuer": self.issuer(),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "sign_up": "allow",
        })
    }

    /// Changes what it does from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut locked(&self.shared.script));
    }

    /// Forgets the keys that it signs with and makes others.
    pub fn rotate_keys(&self) {
        *locked(&self.shared.keys) = Keys::new();
    }

    /// How often a path of its was called.
    pub fn calls(&self, path: &str) -> usize {
        locked(&self.shared.calls)
            .get(path)
            .copied()
            .unwrap_or_default()
    }

    /// A person of these claims signs in at the address that a service sent them to; `sub` is the least.
    ///
    /// # Panics
    /// When the address asks for anything but the authorization code flow with PKCE, a state and a nonce.
    pub fn authorize(&self, authorization_url: &str, claims: Value) -> Redirected {
        self.shared.authorize(authorization_url, claims)
    }
}

impl Shared {
    fn authorize(&self, authorization_url: &str, claims: Value) -> Redirected {
        let (grant, state) = Grant::asked_for(authorization_url, &self.issuer, claims);
        let redirect_uri = grant.redirect_uri.clone();
        let mut grants = locked(&self.grants);
        let code = format!(
            "code-{}-{}",
            self.issuer.rsplit(':').next().unwrap_or_default(),
            grants.len()
        );

        grants.insert(code.clone(), grant);
        let iss = locked(&self.script)
            .names_itself
            .then(|| self.issuer.clone());

        Redirected {
            redirect_uri,
            code,
            state,
            iss,
        }
    }
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
