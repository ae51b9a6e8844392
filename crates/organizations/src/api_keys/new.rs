//! A new API key: what may be asked for, and what is decided.

use super::view::MadeApiKeyView;
use garde::Validate;
use http::StatusCode;
use mainstay_access::Principal;
use mainstay_database::{Unscoped, Value};
use mainstay_http::{FieldError, INVALID_INPUT, Kind, Problem, input};
use mainstay_kernel::{ExposeSecret as _, Timestamp};
use mainstay_principals::{
    api_keys::{row::ApiKeyId, text},
    names::DisplayName,
    privilege::exceeds_own,
    secret::FreshSecret,
};
use schemars::JsonSchema;
use serde::Deserialize;
use time::Duration;

use crate::settings::Settings;

/// Keys that an account may have at once.
pub(crate) const MOST_KEYS: i64 = 100;

/// The account has as many keys as it may have.
pub(crate) const TOO_MANY_KEYS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_keys",
    "The account has as many keys as it may have: revoke one that is not needed.",
);

/// A new API key.
#[input]
pub(crate) struct CreateApiKey {
    /// What it is called: where it is used, for instance.
    name: DisplayName,
    /// The permissions that it is limited to; all that the role grants when absent, except administrative ones.
    #[garde(length(min = 1, max = 100), dive)]
    scopes: Option<Vec<Scope>>,
    /// After how many days it ends; 90 unless the operator decided otherwise.
    #[garde(range(min = 1, max = 400))]
    expires_in_days: Option<u16>,
}

/// The name of a permission.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct Scope(
    #[garde(length(chars, min = 1, max = 100))]
    #[schemars(length(min = 1, max = 100), extend("examples" = ["audit.read"]))]
    String,
);

/// A key that is to be made, everything about it decided.
pub(crate) struct NewApiKey {
    id: ApiKeyId,
    secret: FreshSecret,
    name: String,
    scopes: Option<Vec<String>>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl NewApiKey {
    /// What `body` asks for, if `by` may ask for it.
    ///
    /// # Errors
    /// [`EXCEEDS_OWN`](mainstay_principals::privilege::EXCEEDS_OWN) when a scope is beyond what `by` may do; [`INVALID_INPUT`] when it
    /// would live longer than the operator lets keys live.
    pub(crate) async fn new(
        body: CreateApiKey,
        settings: &Settings,
        unscoped: &Unscoped,
        by: &Principal,
    ) -> Result<Self, Problem> {
        let runtime = unscoped.database().runtime();
        let scopes = scopes_within(body.scopes, unscoped, by, "api_key").await?;
        let created_at = runtime.clock.now();
        let expires_at = created_at + lifetime(body.expires_in_days, settings)?;
        let id: ApiKeyId = runtime.new_id();

        Ok(Self {
            id,
            secret: text::fresh(&runtime.random, id),
            name: body.name.into_string(),
            scopes,
            created_at,
            expires_at,
        })
    }

    pub(crate) fn id(&self) -> ApiKeyId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its columns: `id, name, secret_hash, scopes, created_at, expires_at`.
    pub(crate) fn values(&self) -> [Value; 6] {
        [
            self.id.uuid().into(),
            self.name.clone().into(),
            self.secret.hash.clone().into(),
            self.scopes.clone().into(),
            self.created_at.inner().into(),
            self.expires_at.inner().into(),
        ]
    }

    /// Shows it, this once.
    pub(crate) fn view(self) -> MadeApiKeyView {
        MadeApiKeyView {
            id: self.id,
            key: self.secret.text.expose_secret().to_owned(),
            name: self.name,
            scopes: self.scopes,
            expires_at: self.expires_at,
        }
    }
}

/// The names of the permissions that a credential is to be limited to.
///
/// # Errors
/// [`EXCEEDS_OWN`](mainstay_principals::privilege::EXCEEDS_OWN) when one is beyond what `by` may do.
pub(crate) async fn scopes_within(
    scopes: Option<Vec<Scope>>,
    unscoped: &Unscoped,
    by: &Principal,
    resource: &'static str,
) -> Result<Option<Vec<String>>, Problem> {
    let scopes = scopes.map(|scopes| {
        scopes
            .into_iter()
            .map(|Scope(name)| name)
            .collect::<Vec<_>>()
    });

    match &scopes {
        Some(names) if !by.permissions.cover(names.iter().map(String::as_str)) => {
            Err(exceeds_own(unscoped, by, resource, None).await)
        }
        _ => Ok(scopes),
    }
}

/// How long a key or a client's secret is to live.
///
/// # Errors
/// [`INVALID_INPUT`] when it is longer than the operator allows.
pub(crate) fn lifetime(days: Option<u16>, settings: &Settings) -> Result<Duration, Problem> {
    let Some(days) = days else {
        return Ok(settings.api_key_lifetime);
    };

    let lifetime = Duration::days(days.into());
    if lifetime <= settings.api_key_max_lifetime {
        return Ok(lifetime);
    }

    let most = settings.api_key_max_lifetime.whole_days();

    Err(INVALID_INPUT.problem().errors([FieldError {
        location: "body".into(),
        pointer: "/expires_in_days".to_owned(),
        detail: format!("at most {most} here"),
    }]))
}
