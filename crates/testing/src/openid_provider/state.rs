//! What a provider knows: what the test set, its keys, and the codes that it gave out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mainstay_kernel::Clock;
use serde_json::{Map, Value};

use super::{
    grants::Grant,
    keys::{Keys, Signing},
};

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
    pub(super) issuer: String,
    pub(super) clock: Clock,
    pub(super) script: Mutex<Script>,
    pub(super) keys: Mutex<Keys>,
    pub(super) grants: Mutex<BTreeMap<String, Grant>>,
    pub(super) calls: Mutex<BTreeMap<String, usize>>,
}

impl Shared {
    pub(super) fn authorize(&self, authorization_url: &str, claims: Value) -> Redirected {
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

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
