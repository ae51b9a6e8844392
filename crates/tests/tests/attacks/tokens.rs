//! Crafted tokens. The test knows the service's signing key, so that each token is refused for its
//! one defect, not for its signature (OWASP ASVS 9.1.1 to 9.1.3, 9.2.1 to 9.2.4; RFC 8725).

use std::{io::ErrorKind, net::TcpListener};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::Owner;
use mainstay_testing::{Actor, TestApp, tokens::stolen_key};
use serde_json::{Value, json};
use time::Duration;

/// A service with its signing key, and a signed-in actor.
struct Stage {
    app: TestApp,
    actor: Actor,
    clock: Clock,
    key: Ed25519KeyPair,
}

/// Header and claims of a token to sign.
#[derive(Clone)]
struct Forged {
    header: Value,
    claims: Value,
}

async fn stage() -> Stage {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    // The signing key outlives every session, so that no token is refused because of it.
    let builder = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .setting("identity.signing_key_lifetime", "365d");
    let app = builder.start().await;
    let (actor, key) = (app.actor(Owner).await, stolen_key(&app).await);

    Stage {
        app,
        actor,
        clock,
        key,
    }
}

impl Forged {
    /// Reads a token of the service.
    fn of(token: &str) -> Self {
        let mut parts = token.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        });
        Self {
            header: parts.next().expect("a JWT has a header"),
            claims: parts.next().expect("a JWT has claims"),
        }
    }

    fn signed(&self, key: &Ed25519KeyPair) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()));
        format!("{text}.{signature}")
    }
}

impl Stage {
    /// The actor's token, to be signed by the test.
    fn forged(&self) -> Forged {
        Forged::of(self.actor.token())
    }

    async fn status_of(&self, token: &str) -> u16 {
        self.app
            .anonymous()
            .with_token(token)
            .get("/v1/me")
            .await
            .status
            .as_u16()
    }

    async fn assert_refused(&self, what: &str, token: &str) {
        let answer = self.app.anonymous().with_token(token).get("/v1/me").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        answer.assert_problem(401, "unauthenticated");
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer error="invalid_token""#,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_claim_that_is_missing_wrong_or_of_another_type_is_refused() {
    let stage = stage().await;
    assert_eq!(
        stage.status_of(&stage.forged().signed(&stage.key)).await,
        200,
        "the test cannot sign"
    );

    let now = stage.clock.now().unix_timestamp();
    let values = [
        (
            "exp",
            vec![
                json!("9999999999"),
                json!(9_999_999_999.5),
                json!(1e300),
                json!(-1),
                json!(0),
                json!(now),
            ],
        ),
        (
            "exp",
            vec![
                json!(true),
                json!([9_999_999_999_i64]),
                json!({}),
                Value::Null,
                json!(u64::MAX),
            ],
        ),
        (
            "nbf",
            vec![
                json!("0"),
                json!(0.5),
                json!(now + 31),
                json!(i64::MAX),
                Value::Null,
                json!([]),
            ],
        ),
        ("iat", vec![json!("0"), json!(0.5)]),
        (
            "iss",
            vec![
                json!("https://evil.example"),
                json!(""),
                json!("HTTP://LOCALHOST:8000"),
                json!(1),
                Value::Null,
            ],
        ),
        (
            "aud",
            vec![
                json!("https://evil.example"),
                json!(""),
                json!(1),
                Value::Null,
                json!({}),
            ],
        ),
        (
            "sid",
            vec![
                json!("018f3b6c-0000-7000-8000-000000000000"),
                json!(""),
                json!(1),
                json!("*"),
                Value::Null,
            ],
        ),
        ("sub", vec![json!(1), json!("admin"), Value::Null]),
    ];

    for (claim, values) in values {
        for value in values {
            let mut forged = stage.forged();
            forged.claims[claim] = value.clone();
            stage
                .assert_refused(&format!("{claim} = {value}"), &forged.signed(&stage.key))
                .await;
        }

        let mut forged = stage.forged();
        forged
            .claims
            .as_object_mut()
            .and_then(|claims| claims.remove(claim));

        stage
            .assert_refused(&format!("no {claim}"), &forged.signed(&stage.key))
            .await;
    }
}

#[tokio::test]
async fn a_header_that_asks_for_another_algorithm_type_or_key_is_refused() {
    let stage = stage().await;
    let stranger = Ed25519KeyPair::generate().expect("the system has random bytes");

    let values = [
        (
            "alg",
            vec![
                "none", "None", "NONE", "nOnE", "HS256", "HS512", "RS256", "ES256", "eddsa", "",
            ],
        ),
        ("typ", vec!["JWT", "jwt", "at+JWT2", "refresh+jwt", ""]),
        (
            "kid",
            vec![
                "",
                "other",
                "../../../../dev/null",
                "' OR 1=1 --",
                "http://127.0.0.1/key",
            ],
        ),
    ];

    for (name, values) in values {
        for value in values {
            let mut forged = stage.forged();
            forged.header[name] = value.into();

            let signed = forged.signed(&stage.key);
            stage
                .assert_refused(&format!("{name} = {value}"), &signed)
                .await;

            let unsigned = signed
                .rsplit_once('.')
                .map(|(text, _)| format!("{text}."))
                .unwrap_or_default();
            stage
                .assert_refused(&format!("{name} = {value}, unsigned"), &unsigned)
                .await;
        }

        let mut forged = stage.forged();
        forged
            .header
            .as_object_mut()
            .and_then(|header| header.remove(name));

        stage
            .assert_refused(&format!("no {name}"), &forged.signed(&stage.key))
            .await;
    }

    stage
        .assert_refused(
            "our kid, another's signature",
            &stage.forged().signed(&stranger),
        )
        .await;
}

/// OWASP ASVS 9.1.3: a key that a token embeds or points to is neither trusted nor fetched.
#[tokio::test]
async fn a_key_url_in_a_token_is_not_fetched() {
    let stage = stage().await;
    let stranger = Ed25519KeyPair::generate().expect("the system has random bytes");
    let canary = TcpListener::bind("127.0.0.1:0").expect("a port is free");

    canary
        .set_nonblocking(true)
        .expect("the listener is set to non-blocking");
    let url = format!(
        "http://{}/keys.json",
        canary.local_addr().expect("the port is bound")
    );

    for name in ["jku", "x5u", "kid", "iss"] {
        let mut forged = stage.forged();
        forged.header[name] = url.clone().into();
        stage.assert_refused(name, &forged.signed(&stranger)).await;
        assert_eq!(
            canary.accept().err().map(|error| error.kind()),
            Some(ErrorKind::WouldBlock),
            "{name} was fetched"
        );
    }
}

#[tokio::test]
async fn a_token_is_taken_in_one_spelling_only() {
    let stage = stage().await;
    let token = stage.actor.token();
    let (text, signature) = token.rsplit_once('.').expect("a JWT has three parts");
    let spellings = [
        ("padded", format!("{token}==")),
        ("with a fourth part", format!("{token}.{signature}")),
        (
            "with a shorter signature",
            token[..token.len() - 4].to_owned(),
        ),
        ("without its signature", text.to_owned()),
        (
            "with a signature of zeros",
            format!("{text}.{}", "A".repeat(signature.len())),
        ),
        ("in quotation marks", format!("\"{token}\"")),
        ("twice", format!("{token} {token}")),
        ("in capitals", token.to_uppercase()),
    ];

    for (what, spelling) in spellings {
        stage.assert_refused(what, &spelling).await;
    }
    assert_eq!(stage.status_of(token).await, 200);
}

/// OWASP ASVS 7.3.2, 9.2.1: a token is valid from `nbf` to `exp`, to the second, and ends with its
/// session.
#[tokio::test]
async fn a_token_expires_on_time() {
    let stage = stage().await;
    let mut early = stage.forged();
    let now = stage.clock.now().unix_timestamp();

    // The clocks of replicas may differ by 30 seconds.
    for name in ["nbf", "iat"] {
        let mut ahead = stage.forged();
        ahead.claims[name] = json!(now + 30);
        assert_eq!(
            stage.status_of(&ahead.signed(&stage.key)).await,
            200,
            "{name} within the leeway"
        );
        ahead.claims[name] = json!(now + 31);
        stage
            .assert_refused("beyond the leeway", &ahead.signed(&stage.key))
            .await;
    }

    early.claims["nbf"] = json!(now + 90);
    let early = early.signed(&stage.key);
    stage.assert_refused("before its time", &early).await;

    stage.clock.advance(Duration::seconds(60));
    assert_eq!(stage.status_of(&early).await, 200, "within its validity");

    let lifetime = stage.forged().claims["exp"]
        .as_i64()
        .expect("the claim is a number")
        - now;
    stage.clock.advance(Duration::seconds(lifetime - 61));
    assert_eq!(
        stage.status_of(stage.actor.token()).await,
        200,
        "in its last second"
    );

    stage.clock.advance(Duration::seconds(1));
    stage
        .assert_refused("after its time", stage.actor.token())
        .await;

    // An `exp` after the session's end does not help.
    let mut longer = stage.forged();
    longer.claims["exp"] = json!(now + 100_000_000);

    let longer = longer.signed(&stage.key);
    assert_eq!(stage.status_of(&longer).await, 200, "the session is active");

    stage.clock.advance(Duration::days(31));
    stage.assert_refused("beyond its session", &longer).await;
}

/// OWASP ASVS 7.4.1: a token requires the row of its session.
#[tokio::test]
async fn a_token_is_revoked_with_the_row_of_its_session() {
    let stage = stage().await;
    assert_eq!(stage.status_of(stage.actor.token()).await, 200);

    let mut owner = stage.app.owner().await;
    owner
        .run("DELETE FROM sessions", [])
        .await
        .expect("the owner's statement runs");

    let seen = async {
        while stage.status_of(stage.actor.token()).await != 401 {
            tokio::task::yield_now().await;
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, seen)
        .await
        .expect("the token is refused in time");
}
