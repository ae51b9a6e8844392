//! A new API key: the request, its limits, and the values to store.

use super::view::MadeApiKeyView;
use garde::Validate;
use http::StatusCode;
use mainstay_access::Principal;
use mainstay_database::{Sql, Value};
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

/// Maximum number of keys of an account.
pub(crate) const MOST_KEYS: i64 = 100;

/// The account has reached [`MOST_KEYS`].
pub(crate) const TOO_MANY_KEYS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_keys",
    "The account has reached its maximum number of keys. Revoke a key that is not needed.",
);

/// A new API key.
#[input]
pub(crate) struct CreateApiKey {
    /// The key's name, for example where it is used.
    name: DisplayName,
    /// The permissions that the key is limited to. If absent: all that the role grants, except
    /// administrative ones.
    #[garde(length(min = 1, max = 100), dive)]
    scopes: Option<Vec<Scope>>,
    /// Number of days until the key expires. The default is 90, unless the operator has configured
    /// another.
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

/// A key that is ready to be inserted.
pub(crate) struct NewApiKey {
    id: ApiKeyId,
    secret: FreshSecret,
    name: String,
    scopes: Option<Vec<String>>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl NewApiKey {
    /// Checks what `body` asks for against the permissions of `by` and the operator's settings.
    ///
    /// # Errors
    /// [`EXCEEDS_OWN`](mainstay_principals::privilege::EXCEEDS_OWN) if `by` does not hold a scope;
    /// [`INVALID_INPUT`] if the lifetime exceeds the configured maximum.
    pub(crate) async fn new(
        body: CreateApiKey,
        settings: &Settings,
        sql: &Sql,
        by: &Principal,
    ) -> Result<Self, Problem> {
        let runtime = sql.database().runtime();
        let scopes = scopes_within(body.scopes, sql, by, "api_key").await?;
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

    /// The values of the columns `id, name, secret_hash, scopes, created_at, expires_at`.
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

    /// The response to the creation, the only one that contains the key.
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

/// Returns the names of the permissions that a credential is limited to.
///
/// # Errors
/// [`EXCEEDS_OWN`](mainstay_principals::privilege::EXCEEDS_OWN) if `by` does not hold one of them.
pub(crate) async fn scopes_within(
    scopes: Option<Vec<Scope>>,
    sql: &Sql,
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
            Err(exceeds_own(sql, by, resource, None).await)
        }
        _ => Ok(scopes),
    }
}

/// Returns the lifetime of a key or a client secret.
///
/// # Errors
/// [`INVALID_INPUT`] if it exceeds the configured maximum.
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
        detail: format!("must be at most {most}"),
    }]))
}
