//! Actors: people with accounts, signed in.

use std::{ops::Deref, sync::atomic::Ordering};

use mainstay::identity::{
    EmailAddress, Membership, NewPassword, NewUser, OrganizationName, create_organization,
    create_user, find_home,
};
use mainstay_access::BuiltInRole;
use mainstay_crypto::Sealed;
use mainstay_database::{Origin, Sql};
use mainstay_kernel::{OrganizationId, SecretString, UserId};
use serde_json::json;

use crate::{Client, TestApp};

/// The password of every actor.
pub const PASSWORD: &str = "correct horse battery staple";

/// A signed-in account: a [`Client`] that sends its token.
#[derive(Clone)]
pub struct Actor {
    client: Client,
    email: String,
    user: UserId,
    organization: OrganizationId,
}

impl Actor {
    /// E-mail address of the account; its password is [`PASSWORD`].
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Id of the account.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Organization in which the account acts.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }
}

impl Deref for Actor {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl TestApp {
    /// Creates an account with `role` in the app's organization and signs it in.
    pub async fn actor(&self, role: BuiltInRole) -> Actor {
        let organization = *self.organization.get_or_init(|| home(self)).await;
        new_actor(
            self,
            organization,
            role,
            self.people.fetch_add(1, Ordering::Relaxed),
        )
        .await
    }

    /// Creates an account with `role` in the app's organization that never signs in: it has no
    /// password.
    pub(crate) async fn member(&self, role: BuiltInRole) -> UserId {
        let organization = *self.organization.get_or_init(|| home(self)).await;
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let (_, user) = new_account(self, organization, role, number, NewPassword::None).await;
        user
    }

    /// The hash of [`PASSWORD`], computed once for all actors of the app.
    async fn password_hash(&self) -> SecretString {
        let hash = async || {
            let hash = self.hasher().hash(&PASSWORD.into()).await;
            hash.expect("the password is hashed").into()
        };

        self.password_hash.get_or_init(hash).await.clone()
    }

    /// Creates an account with `role` in another organization and signs it in.
    pub async fn stranger(&self, role: BuiltInRole) -> Actor {
        let organization = *self
            .other_organization
            .get_or_init(|| new_organization(self, "Elsewhere"))
            .await;
        new_actor(
            self,
            organization,
            role,
            self.people.fetch_add(1, Ordering::Relaxed),
        )
        .await
    }
}

/// The organization of a service with a single tenant, or a new one.
async fn home(app: &TestApp) -> OrganizationId {
    match find_home(&sql(app)).await {
        Ok(Some(home)) => home,
        Ok(None) => new_organization(app, "Home").await,
        Err(error) => panic!("the organization is not found: {error}"),
    }
}

/// Creates an organization.
async fn new_organization(app: &TestApp, name: &str) -> OrganizationId {
    let name = OrganizationName::parse(name).expect("the organization's name is valid");
    create_organization(&sql(app), &name)
        .await
        .expect("the organization is created")
}

/// Creates an account and signs it in over HTTP.
async fn new_actor(
    app: &TestApp,
    organization: OrganizationId,
    role: BuiltInRole,
    number: usize,
) -> Actor {
    let password = NewPassword::Hashed(app.password_hash().await);
    let (email, user) = new_account(app, organization, role, number, password).await;

    let answer = app
        .anonymous()
        .post(
            "/v1/sessions",
            json!({ "email": email, "password": PASSWORD }),
        )
        .await;

    let session = answer.assert_status(201).json();
    let client = app
        .anonymous()
        .with_token(session["access_token"].as_str().unwrap_or_default());

    Actor {
        client,
        email,
        user,
        organization,
    }
}

/// Creates an account, and returns its address and its id.
async fn new_account(
    app: &TestApp,
    organization: OrganizationId,
    role: BuiltInRole,
    number: usize,
    password: NewPassword,
) -> (String, UserId) {
    let email = format!("{}-{number}@example.org", role.name());
    let new = NewUser {
        email: Sealed::new(EmailAddress::parse(&email).expect("the e-mail address is valid")),
        password,
        membership: Membership::Existing(organization),
        role: role.name().to_owned(),
    };

    let created = create_user(&sql(app), app.hasher(), new)
        .await
        .expect("the account is created");

    (email, created.user)
}

fn sql(app: &TestApp) -> Sql {
    let database = app.database();
    let origin = Origin {
        request: database.runtime().new_id::<Origin>().uuid(),
        operation: "test",
        address: None,
    };

    Sql::unlimited(
        "the test kit creates organizations and accounts",
        database,
        origin,
        None,
    )
}
