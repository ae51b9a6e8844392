//! Sweep: credentials that no operation may take.

use mainstay::Platform;
use mainstay_access::BuiltInRole;
use mainstay_kernel::{Clock, Timestamp};
use time::Duration;

use super::sweep::Sweep;
use crate::{Client, TestApp, tokens::Token};

const REFUSED: [(u16, &str); 1] = [(401, "unauthenticated")];

/// Checks that every operation but the public ones requires a token that this service issued,
/// unaltered, unexpired and not revoked (OWASP ASVS 7.2.1, 7.4.1, 9.1.1 to 9.1.3, 9.2.1, 9.2.2).
///
/// # Panics
/// When an operation accepts anything else.
pub async fn credentials(platform: Platform) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    // Longer than this sweep, in which a rotation of the signing key would count as a write.
    let builder = TestApp::builder(platform)
        .clock(clock.clone())
        .setting("identity.signing_key_lifetime", "365d");

    // Upkeep falls due when the clock jumps, and its writes would be taken for those of an attack.
    let builder = builder.setting("jobs.in_process", "false");
    let mut sweep = Sweep::start(builder).await;
    let anonymous = sweep.app.anonymous();
    let valid = sweep.actor(BuiltInRole::Owner).token().to_owned();
    let ended = ended_session(&sweep).await;
    let public_key = anonymous.get("/.well-known/jwks.json").await.json()["keys"][0]["x"].clone();

    let forged = forgeries(&valid, public_key.as_str().unwrap_or_default());
    sweep.rebase_contents().await;

    for operation in sweep
        .operations
        .clone()
        .iter()
        .filter(|operation| !operation.is_public())
    {
        let path = sweep.path_to_a_row(operation).await;
        let ask = |client: &Client| client.request(operation.method.clone(), &path);
        let in_query = anonymous.request(
            operation.method.clone(),
            &format!("{path}?access_token={valid}"),
        );

        let calls = [
            ("no token", ask(&anonymous)),
            ("an empty token", ask(&anonymous.with_token(""))),
            (
                "a token that is one word",
                ask(&anonymous.with_token("garbage")),
            ),
            (
                "a token of three words",
                ask(&anonymous.with_token("a.b.c")),
            ),
            ("the token in the query", in_query),
            (
                "another scheme",
                ask(&anonymous).header("authorization", &format!("Basic {valid}")),
            ),
            (
                "two tokens",
                ask(&anonymous.with_token(&valid))
                    .header("authorization", &format!("Bearer {valid}")),
            ),
            ("the token of an ended session", ask(&ended)),
        ];

        for (what, call) in calls {
            sweep.attack_in_batch(operation, what, call, &REFUSED).await;
        }

        for (what, token) in &forged {
            sweep
                .attack_in_batch(operation, what, ask(&anonymous.with_token(token)), &REFUSED)
                .await;
        }
    }

    // Longer than the lifetime of any session.
    clock.advance(Duration::days(31));

    for operation in sweep
        .operations
        .clone()
        .iter()
        .filter(|operation| !operation.is_public())
    {
        let path = sweep.path_to_a_row(operation).await;
        let call = anonymous
            .with_token(&valid)
            .request(operation.method.clone(), &path);
        sweep
            .attack_in_batch(operation, "an expired token", call, &REFUSED)
            .await;
    }

    sweep.finish().await;
}

fn forgeries(valid: &str, public_key: &str) -> Vec<(&'static str, String)> {
    let token = || Token::of(valid);
    let forged = [
        ("signed by another key", token().signed_by_another_key()),
        (
            "signed by a key embedded in the token",
            token().signed_by_embedded_key(),
        ),
        (
            "signed by HMAC with the public key",
            token().hmac_signed_with_public_key(public_key),
        ),
        ("alg none", token().unsigned("none")),
        ("alg nOnE", token().unsigned("nOnE")),
        (
            "another subject",
            token().with_claim("sub", "018f3b6c-0000-7000-8000-000000000000"),
        ),
        (
            "a later expiry",
            token().with_claim("exp", 99_999_999_999_i64),
        ),
        (
            "another issuer, signed by another key",
            token()
                .with_claim("iss", "https://evil.example")
                .signed_by_another_key(),
        ),
        ("a token of another type", token().with_header("typ", "JWT")),
        (
            "a key id that is a path",
            token().with_header("kid", "../../../../dev/null"),
        ),
    ];

    forged
        .into_iter()
        .map(|(what, token)| (what, token.to_string()))
        .collect()
}

/// A client that signed out and kept its token.
async fn ended_session(sweep: &Sweep) -> Client {
    let actor = sweep.app.actor(BuiltInRole::Owner).await;
    actor
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);
    (*actor).clone()
}
