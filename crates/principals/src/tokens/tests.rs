//! The content of tokens, and which ones are refused.

use mainstay_crypto::KeyRing;
use mainstay_kernel::{ExposeSecret as _, Runtime};

use super::*;
use crate::signing::key::tests::{ring, stored};

const ISSUER: &str = "https://api.example";

struct Fixture {
    ring: KeyRing,
    runtime: Runtime,
    tokens: Tokens,
    key: Key,
}

fn fixture() -> Fixture {
    let ring = ring();
    let runtime = Runtime::default();
    let key = Key::open(&stored(&ring, runtime.clock.now()), &ring).unwrap();
    Fixture {
        ring,
        runtime,
        tokens: Tokens::new(ISSUER),
        key,
    }
}

impl Fixture {
    fn token(&self) -> NewToken {
        let (user, session) = (self.runtime.new_id(), self.runtime.new_id());
        let (client, scope) = ("app".to_owned(), "a.read".to_owned());
        NewToken {
            user,
            session,
            client,
            scope,
            lifetime: Duration::minutes(5),
        }
    }

    fn issue(&self, tokens: &Tokens, key: &Key, new: NewToken) -> String {
        let id = self.runtime.new_id::<Key>().uuid();
        tokens
            .issue(key, new, id, self.runtime.clock.now())
            .unwrap()
            .expose_secret()
            .to_owned()
    }
}

fn part(token: &str, place: usize) -> serde_json::Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_is_valid_from_its_issue_to_its_expiry() {
    let fixture = fixture();
    let (new, now) = (fixture.token(), fixture.runtime.clock.now());
    let session = new.session;
    let verified = fixture
        .tokens
        .verify(
            &fixture.issue(&fixture.tokens, &fixture.key, new),
            &fixture.key,
        )
        .unwrap();

    assert_eq!((verified.session, verified.key), (session, fixture.key.id));
    assert!(
        verified
            .scope
            .as_ref()
            .is_some_and(|scope| scope.names().eq(["a.read"]))
    );

    assert_eq!(verified.check_time(now + Duration::minutes(4)), Ok(()));
    assert_eq!(
        verified.check_time(now + Duration::minutes(5)),
        Err("the token has expired")
    );
}

/// A larger clock difference is reported as such, not as an expired token.
#[test]
fn the_verifiers_clock_may_be_behind_but_never_extends_a_token() {
    let fixture = fixture();
    let (new, issued) = (fixture.token(), fixture.runtime.clock.now());
    let verified = fixture
        .tokens
        .verify(
            &fixture.issue(&fixture.tokens, &fixture.key, new),
            &fixture.key,
        )
        .unwrap();

    assert_eq!(verified.check_time(issued - Duration::seconds(30)), Ok(()));

    let early = verified
        .check_time(issued - Duration::seconds(32))
        .unwrap_err();
    assert!(
        early.contains("not yet valid") && !early.contains("expired"),
        "{early}"
    );

    let late = verified
        .check_time(issued + Duration::minutes(5) + Duration::SECOND)
        .unwrap_err();
    assert!(late.contains("expired"), "{late}");
}

/// RFC 9068 §2.1, §2.2.
#[test]
fn a_token_has_the_claims_of_the_profile() {
    let fixture = fixture();
    let token = fixture.issue(&fixture.tokens, &fixture.key, fixture.token());
    let kid = fixture.key.id.to_string();

    assert_eq!(
        part(&token, 0),
        serde_json::json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid })
    );

    let claims = part(&token, 1);
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
        assert!(claims.get(name).is_some(), "{name}: {claims}");
    }

    assert_eq!(
        (&claims["client_id"], &claims["scope"]),
        (&"app".into(), &"a.read".into())
    );

    let other = part(
        &fixture.issue(&fixture.tokens, &fixture.key, fixture.token()),
        1,
    );
    assert_ne!(claims["jti"], other["jti"]);
}

/// OWASP ASVS 9.1.1, 9.2.2, 9.2.3.
#[test]
fn another_key_or_issuer_is_refused() {
    let fixture = fixture();
    let other_key = Key::open(
        &stored(&fixture.ring, fixture.runtime.clock.now()),
        &fixture.ring,
    )
    .unwrap();
    let token = fixture.issue(&fixture.tokens, &other_key, fixture.token());

    assert_eq!(
        fixture.tokens.verify(&token, &fixture.key),
        Err("invalid signature or claims")
    );

    let other_issuer = fixture.issue(
        &Tokens::new("https://other.example"),
        &fixture.key,
        fixture.token(),
    );

    assert_eq!(
        fixture.tokens.verify(&other_issuer, &fixture.key),
        Err("invalid signature or claims")
    );
}

#[test]
fn a_wiped_key_issues_no_token() {
    let fixture = fixture();
    let wiped = crate::signing::key::tests::stored(&fixture.ring, fixture.runtime.clock.now());
    let wiped = Key::open(
        &crate::signing::key::tests::without_private(wiped),
        &fixture.ring,
    )
    .unwrap();
    let issued = fixture.tokens.issue(
        &wiped,
        fixture.token(),
        Uuid::nil(),
        fixture.runtime.clock.now(),
    );
    assert!(issued.is_err());
}

/// OWASP ASVS 9.1.2, 9.1.3.
#[test]
fn a_header_that_differs_in_any_way_is_refused() {
    let fixture = fixture();
    let kid = fixture.key.id.to_string();
    let read = |header: &str| Tokens::key_of(&format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header)));

    assert_eq!(
        read(&format!(
            r#"{{"kid":"{kid}","typ":"at+jwt","alg":"EdDSA"}}"#
        )),
        Ok(fixture.key.id)
    );

    for wrong in [
        r#"{"alg":"none","typ":"at+jwt","kid":"KID"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"AT+JWT","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"application/at+jwt","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"KID"}"#,
        r#"{"typ":"at+jwt","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID","kid":"KID"}"#,
        r#"{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID","crit":["exp"]}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID","jku":"https://evil.example"}"#,
        r#"{"alg":["EdDSA"],"typ":"at+jwt","kid":"KID"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":null}"#,
        r#"["EdDSA","at+jwt","KID"]"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID"} "x""#,
    ] {
        assert!(read(&wrong.replace("KID", &kid)).is_err(), "{wrong}");
    }
}
