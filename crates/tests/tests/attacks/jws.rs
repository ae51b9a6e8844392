//! The syntax of tokens: encodings, headers and payloads about which parsers disagree (RFC 7515,
//! RFC 8725 §2, §3). The test signs with the service's own key, so that each token is refused for
//! its syntax, not its signature (OWASP ASVS 9.1.1 to 9.1.3, 9.2.1 to 9.2.4).

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_access::BuiltInRole::Owner;
use mainstay_testing::{Client, TestApp, tokens::stolen_key};

/// The order of Ed25519's group, little-endian (RFC 8032 §5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A service, its key, and the parts of a valid token.
pub(crate) struct Stage {
    _app: TestApp,
    client: Client,
    pub(crate) key: Ed25519KeyPair,
    pub(crate) header: String,
    pub(crate) claims: String,
}

pub(crate) async fn stage() -> Stage {
    let app = TestApp::start(fixture::platform()).await;
    let (actor, key) = (app.actor(Owner).await, stolen_key(&app).await);
    let texts: Vec<_> = actor.token().split('.').take(2).map(decoded).collect();
    let stage = Stage {
        client: app.anonymous(),
        key,
        header: texts[0].clone(),
        claims: texts[1].clone(),
        _app: app,
    };

    assert_eq!(
        stage
            .status(&stage.signed(&stage.header, &stage.claims))
            .await,
        200,
        "the test cannot sign"
    );

    stage
}

fn decoded(part: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("text")
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Stage {
    pub(crate) fn signed(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.signed_text(&format!("{}.{}", encoded(header), encoded(claims)))
    }

    pub(crate) fn signed_text(&self, text: &str) -> String {
        format!("{text}.{}", encoded(self.key.sign(text.as_bytes())))
    }

    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.client
            .with_token(token)
            .get("/v1/me")
            .await
            .status
            .as_u16()
    }

    pub(crate) async fn assert_refused(&self, what: &str, token: &str) {
        assert_eq!(self.status(token).await, 401, "{what}: {token}");
    }

    /// Asserts that the token is refused with this replacement in its header.
    async fn assert_header_refused(&self, from: &str, to: &str) {
        let header = self.header.replace(from, to);
        assert_ne!(header, self.header, "{from} is not in {}", self.header);
        self.assert_refused(&header, &self.signed(&header, &self.claims))
            .await;
    }

    pub(crate) fn kid(&self) -> &str {
        self.header
            .split("\"kid\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("the key id is present")
    }
}

#[tokio::test]
async fn only_our_algorithm_is_accepted() {
    let stage = stage().await;

    for other in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "ES256K",
        "Ed25519",
        "Ed448",
        "EDDSA",
        "eddsa",
        "EdDSA ",
        "EdDSA\\u0000",
        "dir",
        "",
    ] {
        let header = stage.header.replace("EdDSA", other);
        let token = stage.signed(&header, &stage.claims);
        stage.assert_refused(other, &token).await;
        let (text, _) = token.rsplit_once('.').expect("a JWT has three parts");
        stage.assert_refused(other, &format!("{text}.")).await;
        stage.assert_refused(other, text).await;
    }

    for value in ["null", "0", "true", "[\"EdDSA\"]", "{\"EdDSA\":1}"] {
        stage.assert_header_refused("\"EdDSA\"", value).await;
    }

    // The public key is known to everyone: as the secret of an HMAC it would let anyone sign.
    let public = stage.key.public_key().as_ref().to_vec();
    let x = encoded(&public);
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);

    for secret in [
        public.as_slice(),
        x.as_bytes(),
        jwk.as_bytes(),
        b"",
        stage.kid().as_bytes(),
    ] {
        let text = format!(
            "{}.{}",
            encoded(stage.header.replace("EdDSA", "HS256")),
            encoded(&stage.claims)
        );

        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        stage
            .assert_refused(
                "HMAC with the public key",
                &format!("{text}.{}", encoded(tag)),
            )
            .await;
    }
}

#[tokio::test]
async fn a_signature_has_one_form() {
    let stage = stage().await;
    let text = format!("{}.{}", encoded(&stage.header), encoded(&stage.claims));
    let signature = stage.key.sign(text.as_bytes()).as_ref().to_vec();
    let mut forms: Vec<(&str, Vec<u8>)> = vec![
        ("none", Vec::new()),
        ("half of it", signature[..32].to_vec()),
        ("all but a byte", signature[..63].to_vec()),
        ("a byte more", [signature.as_slice(), &[0]].concat()),
        ("twice", signature.repeat(2)),
        ("zeros", vec![0; 64]),
        (
            "another message's",
            stage.key.sign(b"another").as_ref().to_vec(),
        ),
        (
            "the neutral element and zero",
            [&[1], [0; 63].as_slice()].concat(),
        ),
        (
            "in the other order",
            [&signature[32..], &signature[..32]].concat(),
        ),
    ];

    // RFC 8032 §8.4: S and S + L are equal to a verifier that does not check the range.
    let mut malleable = signature.clone();
    let mut carry = 0;
    for (byte, order) in malleable[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }

    forms.push(("S + L", malleable));

    for at in [0, 31, 32, 63] {
        let mut flipped = signature.clone();
        flipped[at] ^= 1;
        forms.push(("a bit flipped", flipped));
    }

    for (what, form) in forms {
        stage
            .assert_refused(what, &format!("{text}.{}", encoded(form)))
            .await;
    }
    assert_eq!(
        stage
            .status(&format!("{text}.{}", encoded(signature)))
            .await,
        200
    );
}

#[tokio::test]
async fn an_encoding_has_one_spelling() {
    let stage = stage().await;
    let token = stage.signed(&stage.header, &stage.claims);
    let parts: Vec<&str> = token.split('.').collect();
    for place in 0..3 {
        let part = parts[place];
        let mut spellings = vec![
            format!("{part}="),
            format!("{part}=="),
            format!("{part}%3D"),
            format!("{}\t{}", &part[..4], &part[4..]),
            format!("{} {}", &part[..4], &part[4..]),
            format!("{part}A"),
            format!("{part}\u{e9}"),
            part.replacen(&part[2..3], "+", 1),
            part.replacen(&part[2..3], "/", 1),
            part.replacen(&part[2..3], "*", 1),
            String::new(),
        ];

        // The unused bits of the last character, which a careless decoder drops: the bytes are the
        // same.
        let spare = ["A", "B", "C", "D", "Q", "R", "g", "h", "w", "x", "-", "_"];
        let stem = &part[..part.len() - 1];
        let others = spare
            .iter()
            .map(|last| format!("{stem}{last}"))
            .filter(|other| *other != part);

        spellings.extend(others);

        for spelling in spellings {
            let mut changed = parts.clone();
            changed[place] = &spelling;
            stage
                .assert_refused(&format!("part {place}"), &changed.join("."))
                .await;

            // Signed with this spelling.
            if place < 2 && spelling.is_ascii() && !spelling.is_empty() {
                let signed = stage.signed_text(&changed[..2].join("."));
                let same = URL_SAFE_NO_PAD.decode(&spelling).is_ok();
                assert!(
                    same || stage.status(&signed).await == 401,
                    "part {place}, signed: {signed}"
                );
            }
        }
    }

    let [header, claims, signature] = parts[..] else {
        panic!("three parts")
    };

    for wrong in [
        format!("{header}.{claims}"),
        format!("{header}{claims}.{signature}"),
        format!("{header}..{claims}.{signature}"),
        format!(".{token}"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!("{header}.{claims}.{signature}.{header}.{claims}"),
        format!("{header}.{header}.{claims}.{signature}"),
        format!("{header}.{claims}\u{3002}{signature}"),
        format!(
            "{{\"protected\":\"{header}\",\"payload\":\"{claims}\",\"signature\":\"{signature}\"}}"
        ),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
    ] {
        stage.assert_refused("parts", &wrong).await;
    }
}

#[tokio::test]
async fn a_header_with_other_members_is_refused() {
    let stage = stage().await;
    let (kid, header) = (stage.kid().to_owned(), stage.header.clone());
    let x = encoded(stage.key.public_key().as_ref());

    for member in [
        r#""crit":[]"#.to_owned(),
        r#""crit":["exp"]"#.to_owned(),
        r#""crit":["b64"],"b64":false"#.to_owned(),
        r#""b64":false"#.to_owned(),
        r#""b64":true"#.to_owned(),
        r#""cty":"JWT""#.to_owned(),
        r#""zip":"DEF""#.to_owned(),
        r#""enc":"A256GCM""#.to_owned(),
        r#""epk":{}"#.to_owned(),
        r#""jku":"https://evil.example/keys.json""#.to_owned(),
        r#""x5u":"https://evil.example/certificate.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""x5t":"AAAA""#.to_owned(),
        format!(r#""jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#),
        r#""alg":"EdDSA""#.to_owned(),
        r#""alg":"none""#.to_owned(),
        r#""ALG":"none""#.to_owned(),
        r#""typ":"at+jwt""#.to_owned(),
        format!(r#""kid":"{kid}""#),
        r#""kid":"other""#.to_owned(),
        r#""\u006bid":"other""#.to_owned(),
        r#""__proto__":{"alg":"none"}"#.to_owned(),
        r#""":1"#.to_owned(),
    ] {
        let last = format!("{},{member}}}", header.trim_end_matches('}'));
        let first = format!("{{{member},{}", header.trim_start_matches('{'));
        for header in [last, first] {
            stage
                .assert_refused(&header, &stage.signed(&header, &stage.claims))
                .await;
        }
    }

    for typ in [
        "\"application/at+jwt\"",
        "\"AT+JWT\"",
        "\"at+jwt \"",
        "\" at+jwt\"",
        "\"at+jwt\\u0000\"",
        "\"\u{430}t+jwt\"",
        "\"at+jwt;x=1\"",
        "\"at\u{ff0b}jwt\"",
        "\"JWT\"",
        "\"dpop+jwt\"",
        "\"logout+jwt\"",
        "\"\"",
        "null",
        "1",
        "[]",
        "[\"at+jwt\"]",
    ] {
        stage.assert_header_refused("\"at+jwt\"", typ).await;
    }

    for name in [
        "null",
        "0",
        "[]",
        "{}",
        "\"\"",
        "\"\u{430}\"",
        "\"..\"",
        "true",
    ] {
        stage
            .assert_header_refused(&format!("\"{kid}\""), name)
            .await;
    }

    let (first, rest) = kid.split_at(1);

    for name in [
        format!("{kid}="),
        format!("{kid} "),
        format!("{first}\\u0000{rest}"),
        format!("{first}\u{200b}{rest}"),
    ] {
        stage.assert_header_refused(&kid, &name).await;
    }

    for wrong in [
        format!("[\"at+jwt\",\"EdDSA\",\"{kid}\"]"),
        format!("[{header}]"),
        format!("\u{feff}{header}"),
        format!("{header}{header}"),
        format!("{header}x"),
        header.replace('"', "'"),
        header.replace('{', "{/**/"),
        header.trim_end_matches('}').to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ] {
        stage
            .assert_refused(&wrong, &stage.signed(&wrong, &stage.claims))
            .await;
    }

    let mut invalid = header.clone().into_bytes();
    invalid[5] = 0xff;
    stage
        .assert_refused("no UTF-8", &stage.signed(invalid, &stage.claims))
        .await;
}

#[tokio::test]
async fn a_claim_occurs_once_and_has_its_type() {
    let stage = stage().await;
    let claims = stage.claims.clone();
    let value_of = |name: &str| {
        let rest = claims
            .split(&format!("\"{name}\":"))
            .nth(1)
            .expect("the claim exists");
        rest.split([',', '}'])
            .next()
            .expect("the claim has a value")
            .to_owned()
    };

    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
        let (member, value) = (format!("\"{name}\":{}", value_of(name)), value_of(name));
        let mut values: Vec<String> = [
            "null", "true", "{}", "[]", "\"\"", "0.5", "-1", "1e400", "-0.0", "1e3",
        ]
        .map(|value| format!("\"{name}\":{value}"))
        .to_vec();

        values.extend([
            format!("\"{name}\":[{value}]"),
            format!("\"{name}\":{{\"{name}\":{value}}}"),
            format!("\"{name}\":999999999999999999999999"),
            format!("\"{name}\":-99999999999"),
            format!("{member},{member}"),
            format!("\"{}\":{value}", name.to_uppercase()),
        ]);

        if value.starts_with('"') {
            values.push(format!(
                "\"{name}\":{}\\u0000\"",
                value.trim_end_matches('"')
            ));
        } else {
            values.push(format!("\"{name}\":\"{value}\""));
            values.push(format!("\"{name}\":{value}.0"));
            values.push(format!("\"{name}\":0{value}"));
        }

        for value in values {
            let changed = claims.replace(&member, &value);
            assert_ne!(changed, claims, "{value}");
            stage
                .assert_refused(&value, &stage.signed(&stage.header, &changed))
                .await;
        }
    }

    let (issued, later) = (value_of("iat"), value_of("exp"));
    let future = claims.replace(&format!("\"iat\":{issued}"), &format!("\"iat\":{later}"));
    stage
        .assert_refused("issued in the future", &stage.signed(&stage.header, future))
        .await;
    for wrong in ["[]", "null", "\"\"", "1", "", "{}", "{", "\u{feff}{}"] {
        stage
            .assert_refused(wrong, &stage.signed(&stage.header, wrong))
            .await;
    }

    for wrong in [
        format!("[{claims}]"),
        format!("{claims}{claims}"),
        format!("{claims}x"),
        format!("\u{feff}{claims}"),
    ] {
        stage
            .assert_refused(&wrong, &stage.signed(&stage.header, &wrong))
            .await;
    }
}
