//! The provider's state: its script, keys and codes.

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

/// How the provider misbehaves on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Redirects to this URL.
    RedirectTo(String),
    /// Answers with ten million bytes.
    Endless,
    /// Never answers.
    Silent,
    /// Answers 500.
    Broken,
}

/// The authorization response: what the provider put into the redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// The URL that the person was redirected to.
    pub redirect_uri: String,
    /// The authorization code.
    pub code: String,
    /// The client's state, unchanged.
    pub state: String,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
}

/// The provider's behaviour. By default it does everything right.
#[derive(Default)]
pub struct Script {
    /// Members that replace those of the discovery document.
    pub discovery: Map<String, Value>,
    /// Members that replace those of the published keys; null removes one.
    pub key: Map<String, Value>,
    /// Claims that replace those of ID tokens; null removes one.
    pub claims: Map<String, Value>,
    /// How ID tokens are signed.
    pub signing: Signing,
    /// Misbehaviour by path.
    pub misbehaviours: BTreeMap<&'static str, Misbehaviour>,
    /// Whether authorization responses contain `iss` (RFC 9207).
    pub names_itself: bool,
    /// The claims of a person who comes with a browser.
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
        let (grant, state) = Grant::from_request(authorization_url, &self.issuer, claims);
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
