//! Runs Project Wycheproof's signatures, valid and forged, through the code that verifies tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use wycheproof::eddsa;

/// OWASP ASVS 9.1.1, 11.2.1.
#[test]
fn valid_ed25519_signatures_are_accepted_and_forged_ones_refused() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut run, mut refused) = (0, 0);

    for group in &set.test_groups {
        let key = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(&group.key.pk)).unwrap();
        for test in &group.tests {
            let signature = URL_SAFE_NO_PAD.encode(&test.sig);
            let accepted = crypto::verify(&signature, &test.msg, &key, Algorithm::EdDSA).unwrap();
            assert_eq!(
                accepted,
                !test.result.must_fail(),
                "case {}: {}",
                test.tc_id,
                test.comment
            );
            run += 1;
            refused += usize::from(!accepted);
        }
    }

    assert_eq!(run, set.number_of_tests);
    assert!(refused > 60, "only {refused} forgeries were tried");
}
