//! Actors: people with accounts, signed in.

use std::{ops::Deref, sync::atomic::Ordering};

use mainstay::identity::{
    EmailAddress, Membership, NewPassword, NewUser, OrganizationName, create_organization,
    create_user,
};
use mainstay_access::BuiltInRole;
use mainstay_crypto::Sealed;
use mainstay_database::{Origin, Unscoped};
use mainstay_kernel::{OrganizationId, UserId};
use serde_json::json;

use crate::{Client, TestApp};

/// The password of every actor.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody with an account, signed in: a [`Client`] that sends a token.
#[derive(Clone)]
pub struct Actor {
    client: Client,
    email: String,
    user: UserId,
    organization: OrganizationId,
}

impl Actor {
    /// How the account signs in; the password is [`PASSWORD`].
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The account.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Where it works.
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
    /// A new account with that role in the app's organization, signed in.
    pub async fn actor(&self, role: BuiltInRole) -> Actor {
        let organization = *self
            .organization
            .get_or_init(|| new_organization(self, "Home"))
            .await;
        new_actor(
            self,
            organization,
            role,
            self.people.fetch_add(1, Ordering::Relaxed),
        )
        .await
    }

    /// A new account with that role in another organization, signed in.
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

/// Makes an organization.
async fn new_organization(app: &TestApp, name: &str) -> OrganizationId {
    let name = OrganizationName::parse(name).expect("that is a name");
    create_organization(&unscoped(app), &name)
        .await
        .expect("an organization is made")
}

/// Makes an account and signs it in over HTTP.
async fn new_actor(
    app: &TestApp,
    organization: OrganizationId,
    role: BuiltInRole,
    number: usize,
) -> Actor {
    let email = format!("{}-{number}@example.org", role.name());
    let new = NewUser {
        email: Sealed::new(EmailAddress::parse(&email).expect("that is an address")),
        password: NewPassword::Plain(PASSWORD.to_owned().into()),
        membership: Membership::Existing(organization),
        role: role.name().to_owned(),
    };

    let made = create_user(&unscoped(app), app.hasher(), new)
        .await
        .expect("an account is made");

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
        user: made.user,
        organization,
    }
}

fn unscoped(app: &TestApp) -> Unscoped {
    let database = app.database();
    let origin = Origin {
        request: database.runtime().new_id::<Origin>().uuid(),
        operation: "test",
        address: None,
    };

    Unscoped::because(
        "a test makes what organizations are made of",
        database,
        origin,
        None,
    )
}
