//! The attack classes of Project Wycheproof's JWS vectors, rebuilt for our one algorithm: the
//! vectors themselves use other kinds of keys, which are all refused. Attacks in
//! [`jws`](crate::jws) are not repeated (OWASP ASVS 9.1.1, 9.1.2).

use aws_lc_rs::{
    hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::jws::{Stage, encoded, stage};

/// The prefix of an Ed25519 public key as SubjectPublicKeyInfo (RFC 8410 §4).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fn text(stage: &Stage) -> String {
    format!("{}.{}", encoded(&stage.header), encoded(&stage.claims))
}

/// The header names our algorithm, but the signature is of another one.
#[tokio::test]
async fn a_signature_of_another_algorithm_is_refused() {
    let stage = stage().await;
    let text = text(&stage);
    let public = stage.key.public_key().as_ref().to_vec();
    let der = [SPKI.as_slice(), &public].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );

    for secret in [public.as_slice(), &der, pem.as_bytes()] {
        for (name, algorithm) in [
            ("HS256", HMAC_SHA256),
            ("HS384", HMAC_SHA384),
            ("HS512", HMAC_SHA512),
        ] {
            let key = hmac::Key::new(algorithm, secret);
            stage
                .assert_refused(
                    name,
                    &format!("{text}.{}", encoded(hmac::sign(&key, text.as_bytes()))),
                )
                .await;

            let renamed = format!(
                "{}.{}",
                encoded(stage.header.replace("EdDSA", name)),
                encoded(&stage.claims)
            );

            let tag = hmac::sign(&key, renamed.as_bytes());
            stage
                .assert_refused(name, &format!("{renamed}.{}", encoded(tag)))
                .await;
        }
    }

    let elliptic =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the key is present");
    let signature = elliptic
        .sign(&SystemRandom::new(), text.as_bytes())
        .expect("the text is signed");

    assert_eq!(signature.as_ref().len(), 64);
    stage
        .assert_refused("ES256", &format!("{text}.{}", encoded(signature)))
        .await;
}

#[tokio::test]
async fn an_unprotected_header_is_refused() {
    let stage = stage().await;
    let kid = stage.kid().to_owned();

    for header in [
        r#"{"alg":"none"}"#.to_owned(),
        r#"{"alg":"NONE"}"#.to_owned(),
        r#"{"alg":"none","kid":"none"}"#.to_owned(),
        format!(r#"{{"alg":"none","kid":"{kid}"}}"#),
    ] {
        let signed = stage.signed(&header, &stage.claims);
        stage.assert_refused(&header, &signed).await;

        stage
            .assert_refused(
                &header,
                signed
                    .rsplit_once('.')
                    .map(|(text, _)| format!("{text}."))
                    .unwrap()
                    .as_str(),
            )
            .await;
    }
}

/// A character outside base64url is neither skipped nor read as its counterpart in another
/// alphabet.
#[tokio::test]
async fn characters_of_other_alphabets_are_refused() {
    let stage = stage().await;
    // Some signatures contain the characters that differ between the alphabets.
    let mut tried = 0;
    for spaces in 0..64 {
        let claims = format!("{}{}", stage.claims, " ".repeat(spaces));
        let token = stage.signed(&stage.header, &claims);
        let (text, signature) = token.rsplit_once('.').unwrap();
        if !(signature.contains('-') && signature.contains('_') && signature.contains('A')) {
            continue;
        }

        tried += 1;
        for (from, to) in [("-", "+"), ("_", "/"), ("A", "*"), ("A", "?")] {
            stage
                .assert_refused(to, &format!("{text}.{}", signature.replace(from, to)))
                .await;
        }
    }

    assert!(tried > 0, "no signature had these characters");
}

#[tokio::test]
async fn extra_characters_are_not_skipped() {
    let stage = stage().await;
    let token = stage.signed(&stage.header, &stage.claims);
    let parts: Vec<&str> = token.split('.').collect();
    for place in 0..3 {
        let part = parts[place];
        for foreign in ["?", "####", "*", "="] {
            for at in [0, 4, part.len() / 2, part.len()] {
                let spelling = format!("{}{foreign}{}", &part[..at], &part[at..]);
                let mut changed = parts.clone();
                changed[place] = &spelling;

                stage
                    .assert_refused("the old signature", &changed.join("."))
                    .await;

                if place < 2 {
                    stage
                        .assert_refused(
                            "signed with this spelling",
                            &stage.signed_text(&changed[..2].join(".")),
                        )
                        .await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_has_exactly_three_parts() {
    let stage = stage().await;
    let token = stage.signed(&stage.header, &stage.claims);
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };

    for wrong in [
        format!("{header}.{signature}"),
        format!("{claims}.{signature}"),
        format!(".{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        claims.to_owned(),
        format!(
            concat!(
                r#"{{"payload":"{}","signatures":[{{"protected":"{}","#,
                r#""header":{{"unknown":"untrustworthy"}},"signature":"{}"}}]}}"#,
            ),
            claims, header, signature
        ),
    ] {
        stage.assert_refused("parts", &wrong).await;
    }

    let signature = stage.key.sign(text(&stage).as_bytes()).as_ref().to_vec();
    for zeros in [1, 64, 1_000] {
        let longer = [signature.clone(), vec![0; zeros]].concat();
        stage
            .assert_refused(
                "zeros behind",
                &format!("{}.{}", text(&stage), encoded(longer)),
            )
            .await;

        let longer = [vec![0; zeros], signature.clone()].concat();
        stage
            .assert_refused(
                "zeros before",
                &format!("{}.{}", text(&stage), encoded(longer)),
            )
            .await;
    }
}

/// The signature covers the header's text: another text with the same meaning needs another
/// signature.
#[tokio::test]
async fn a_respelled_header_invalidates_the_signature() {
    let stage = stage().await;
    let token = stage.signed(&stage.header, &stage.claims);
    let signature = token.rsplit_once('.').unwrap().1;
    let members: Vec<&str> = stage.header.trim_matches(['{', '}']).split(',').collect();
    let reversed = format!(
        "{{{}}}",
        members.iter().rev().copied().collect::<Vec<_>>().join(",")
    );

    for header in [
        reversed,
        stage.header.replace(':', ": "),
        stage.header.replace(',', " ,\n"),
    ] {
        assert_ne!(header, stage.header);

        let old = format!(
            "{}.{}.{signature}",
            encoded(&header),
            encoded(&stage.claims)
        );

        stage.assert_refused(&header, &old).await;
        assert_eq!(
            stage.status(&stage.signed(&header, &stage.claims)).await,
            200,
            "this spelling is valid JSON: {header}"
        );
    }
}
