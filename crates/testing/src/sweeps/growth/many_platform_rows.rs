//! Many rows of the platform that a plain POST to their collection does not create.

use mainstay_access::BuiltInRole;
use mainstay_database::Owner;
use mainstay_kernel::Uuid;

use super::copies::{self, MANY};
use crate::{
    Actor, TestApp,
    sweeps::{platform_rows::ignore_passkeys, sealed_rows::SealedRows},
};

/// Creates rows next to the row `id` of a collection, which `caller` may access. Returns whether it
/// knows the collection.
pub(super) async fn make(
    app: &TestApp,
    owner: &mut Owner,
    caller: &Actor,
    collection: &str,
    id: &str,
) -> bool {
    let segments: Vec<_> = collection.split('/').skip(2).collect();

    match (segments.as_slice(), Uuid::try_parse(id)) {
        (["audit", "findings"], _) => findings(owner, caller).await,
        (["members"], _) => members(app).await,
        (["me", "passkeys"], _) => passkeys(app, owner, caller).await,
        (["me", "applications"], Ok(id)) => applications(owner, id).await,
        (["me", "external-identities"], _) => identities(app, owner, caller).await,
        (["organization", "api-keys"], Ok(id)) => copies::of_row(owner, id, MANY - 1).await,
        (["sessions"] | ["members", _, "sessions"], Ok(id)) => sessions(owner, id).await,
        _ => return false,
    }

    true
}

/// What the rules of the watch would find.
async fn findings(owner: &mut Owner, caller: &Actor) {
    const INSERT: &str = r"
        INSERT INTO mainstay.findings (
            id, rule, organization_id, last_at, found_at, severity, message, events, threshold, window_seconds
        )
        SELECT gen_random_uuid(), 'example', $1, now(), now(), 'low', 'An example.', 1, 1, 1
        FROM generate_series(1, 100)
    ";

    let organization = caller.organization().uuid();
    owner
        .run(INSERT, [organization.into()])
        .await
        .expect("the findings are written");
}

/// Sessions without a device, whose description is sealed for one row.
async fn sessions(owner: &mut Owner, session: Uuid) {
    const FORGET: &str = r"
        UPDATE mainstay.sessions
        SET user_agent = NULL, address = NULL
        WHERE user_id = (SELECT user_id FROM mainstay.sessions WHERE id = $1)
    ";

    copies::of_row(owner, session, MANY - 1).await;
    owner
        .run(FORGET, [session.into()])
        .await
        .expect("the devices are forgotten");
}

/// Identities at a provider.
async fn identities(app: &TestApp, owner: &mut Owner, caller: &Actor) {
    let mut rows = SealedRows::of(app, owner, caller).await;
    for _ in 1..MANY {
        rows.identity().await;
    }
}

/// Passkeys that do not count as a second factor.
async fn passkeys(app: &TestApp, owner: &mut Owner, caller: &Actor) {
    ignore_passkeys(owner).await;

    let mut rows = SealedRows::of(app, owner, caller).await;
    for _ in 1..MANY {
        rows.passkey().await;
    }
}

/// Members who never sign in.
async fn members(app: &TestApp) {
    for _ in 1..MANY {
        app.member(BuiltInRole::Agent).await;
    }
}

/// Grants to other applications.
async fn applications(owner: &mut Owner, grant: Uuid) {
    const READ: &str = r"
        SELECT c.id
        FROM mainstay.oauth_clients c
        JOIN mainstay.oauth_grants g USING (client_id)
        WHERE g.id = $1
    ";

    let rows = owner.run(READ, [grant.into()]).await;
    let client: Uuid = rows.expect("the client is read")[0]
        .get(0)
        .expect("a client has an id");

    copies::of_row(owner, client, MANY - 1).await;
    copies::of_row(owner, grant, MANY - 1).await;
}
