//! What a token says, and which tokens are refused.

use mainstay_crypto::KeyRing;
use mainstay_kernel::{ExposeSecret as _, Runtime};

use super::*;
use crate::signing::key::tests::{ring, stored};

const ISSUER: &str = "https://api.example";

struct Stage {
    ring: KeyRing,
    runtime: Runtime,
    tokens: Tokens,
    key: Key,
}

fn stage() -> Stage {
    let ring = ring();
    let runtime = Runtime::default();
    let key = Key::open(&stored(&ring, runtime.clock.now()), &ring).unwrap();
    Stage {
        ring,
        runtime,
        tokens: Tokens::new(ISSUER),
        key,
    }
}

impl Stage {
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
fn a_token_is_valid_from_its_making_to_its_end() {
    let stage = stage();
    let (new, now) = (stage.token(), stage.runtime.clock.now());
    let session = new.session;
    let verified = stage
        .tokens
        .verify(&stage.issue(&stage.tokens, &stage.key, new), &stage.key)
        .unwrap();

    assert_eq!((verified.session, verified.key), (session, stage.key.id));
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

/// Replicas differ by less than half a minute; what differs by more is no expired token, and the log says so.
#[test]
fn a_clock_may_be_behind_that_of_the_issuer_and_never_prolongs_a_token() {
    let stage = stage();
    let (new, issued) = (stage.token(), stage.runtime.clock.now());
    let verified = stage
        .tokens
        .verify(&stage.issue(&stage.tokens, &stage.key, new), &stage.key)
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
fn a_token_says_what_the_profile_asks_for() {
    let stage = stage();
    let token = stage.issue(&stage.tokens, &stage.key, stage.token());
    let kid = stage.key.id.to_string();

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

    let other = part(&stage.issue(&stage.tokens, &stage.key, stage.token()), 1);
    assert_ne!(claims["jti"], other["jti"]);
}

/// OWASP ASVS 9.1.1, 9.2.2, 9.2.3.
#[test]
fn another_key_or_issuer_is_refused() {
    let stage = stage();
    let other_key =
        Key::open(&stored(&stage.ring, stage.runtime.clock.now()), &stage.ring).unwrap();
    let token = stage.issue(&stage.tokens, &other_key, stage.token());

    assert_eq!(stage.tokens.verify(&token, &stage.key), Err("forged"));

    let other_issuer = stage.issue(
        &Tokens::new("https://other.example"),
        &stage.key,
        stage.token(),
    );

    assert_eq!(
        stage.tokens.verify(&other_issuer, &stage.key),
        Err("forged")
    );
}

#[test]
fn a_key_that_signs_no_more_signs_nothing() {
    let stage = stage();
    let wiped = crate::signing::key::tests::stored(&stage.ring, stage.runtime.clock.now());
    let wiped = Key::open(
        &crate::signing::key::tests::without_private(wiped),
        &stage.ring,
    )
    .unwrap();
    let issued = stage.tokens.issue(
        &wiped,
        stage.token(),
        Uuid::nil(),
        stage.runtime.clock.now(),
    );
    assert!(issued.is_err());
}

/// OWASP ASVS 9.1.2, 9.1.3: the header decides nothing.
#[test]
fn a_header_is_ours_to_the_letter_or_refused() {
    let stage = stage();
    let kid = stage.key.id.to_string();
    let read = |header: &str| Tokens::key_of(&format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header)));

    assert_eq!(
        read(&format!(
            r#"{{"kid":"{kid}","typ":"at+jwt","alg":"EdDSA"}}"#
        )),
        Ok(stage.key.id)
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
