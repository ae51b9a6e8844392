//! Identity as one part of the platform: assembles principals, accounts, organizations and
//! federation.

use std::{any::TypeId, sync::Arc, time::Duration};

use mainstay_accounts::{
    Accounts, account, account_pages, passkeys, passwords, second_factors, sessions,
};
use mainstay_config::{BaseUrl, Reader};
use mainstay_crypto::PasswordHasher;
use mainstay_database::{Database, Error, Origin, Sql, Uuid};
use mainstay_federation::{Providers, external, oauth};
use mainstay_http::{Authenticator, Module, SharedValue};
use mainstay_jobs::Periodic;
use mainstay_organizations::{
    api_keys, invitations, mailed_links, members, organization, roles, service_accounts,
};
use mainstay_principals::{Principals, signing};

pub use mainstay_accounts::{
    AccountError, CreatedAccount, Membership, NewPassword, NewUser, Password, RelyingParty,
    SessionSummary, Strength, Tenancy, UserSummary, create_user, delete_account, end_session,
    end_sessions_of, find_user, reset_second_factors, sessions_of, set_active,
};
pub use mainstay_federation::{
    ClientError, ClientRow, ExternalSettings, NewClient, ProviderSettings, create_client,
    deactivate_client, list_clients, set_first_party,
};
pub use mainstay_kernel::EmailAddress;
pub use mainstay_organizations::{
    Home, KeysOf, ListedKey, ListedRole, OrganizationSummary, Revoked, assign_role,
    create_organization, declare_home, declare_permissions, find_home, list_keys,
    list_organizations, list_roles_of, revoke_key, revoke_organization,
};
pub use mainstay_principals::{
    Begin, KeyError, KeyInfo, KeyState,
    events::audit_vocabulary,
    list_signing_keys,
    names::{DisplayName, OrganizationName},
    retire_signing_key, rotate_signing_keys, signing_key_made,
};

/// How often expired rows are deleted.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(600);

/// The settings of identity.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// Tokens and sessions.
    pub principals: mainstay_principals::Settings,
    /// Passwords, passkeys and the pages.
    pub accounts: mainstay_accounts::Settings,
    /// API keys and client secrets.
    pub organizations: mainstay_organizations::Settings,
    /// Sign-in with external providers.
    pub external: ExternalSettings,
}

impl IdentitySettings {
    /// Reads the settings; `reader` collects the errors. `public_url` is the public URL of the API.
    pub fn read(reader: &mut Reader, public_url: &BaseUrl) -> Self {
        let principals = mainstay_principals::Settings::read(reader, public_url);
        let organizations = mainstay_organizations::Settings::read(reader);
        let accounts = mainstay_accounts::Settings::read(reader, public_url);
        let external = ExternalSettings::read(reader, accounts.pages_url.as_str());

        Self {
            principals,
            accounts,
            organizations,
            external,
        }
    }
}

/// The shared values of identity's endpoints.
pub struct Identity {
    principals: Arc<Principals>,
    accounts: Arc<Accounts>,
    organizations: Arc<mainstay_organizations::Settings>,
    providers: Arc<Providers>,
}

impl Identity {
    /// Creates the shared values. [`Principals::watch`] must run alongside, or every request
    /// queries the database.
    pub fn new(settings: IdentitySettings, hasher: PasswordHasher, database: Database) -> Self {
        let principals = Arc::new(Principals::new(settings.principals, database));
        let accounts = Accounts::new(settings.accounts, hasher, principals.clone());

        Self {
            principals,
            accounts: Arc::new(accounts),
            organizations: Arc::new(settings.organizations),
            providers: Arc::new(Providers::new(&settings.external)),
        }
    }

    /// The authenticator, which identifies the caller of a request.
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        self.principals.clone()
    }

    /// The values that endpoints receive as [`Shared`](mainstay_http::Shared).
    pub fn shared_values(&self) -> [SharedValue; 4] {
        [
            (TypeId::of::<Principals>(), self.principals.clone()),
            (TypeId::of::<Accounts>(), self.accounts.clone()),
            (
                TypeId::of::<mainstay_organizations::Settings>(),
                self.organizations.clone(),
            ),
            (TypeId::of::<Providers>(), self.providers.clone()),
        ]
    }

    pub(crate) fn principals(&self) -> &Arc<Principals> {
        &self.principals
    }
}

/// The modules of identity, one per feature.
pub fn modules(tenancy: Tenancy) -> Vec<Module> {
    vec![
        account::module(tenancy),
        sessions::module(tenancy),
        passwords::module(),
        mailed_links::module(),
        second_factors::module(),
        passkeys::module(),
        external::module(),
        organization::module(tenancy),
        members::module(),
        invitations::module(),
        roles::module(),
        api_keys::module(),
        service_accounts::module(),
        oauth::module().pages(account_pages::pages(tenancy)),
        signing::module(),
    ]
}

/// The periodic task that deletes expired rows, for the worker.
pub fn upkeep() -> Periodic {
    Periodic::new("identity.clear", CLEANUP_INTERVAL, |database| async move {
        clear(&database).await
    })
}

async fn clear(database: &Database) -> Result<(), Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "clear_identity",
        address: None,
    };
    let sql = Sql::unlimited(
        "Expired rows of all accounts and organizations are deleted together.",
        database,
        origin,
        None,
    );

    mainstay_accounts::clear(&sql).await?;
    mainstay_organizations::clear(&sql).await
}
