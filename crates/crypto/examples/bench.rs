use mainstay_crypto::*;
use mainstay_kernel::*;
use std::time::Instant;
fn time(name: &str, n: u32, mut f: impl FnMut()) {
    let t = Instant::now();
    for _ in 0..n {
        f()
    }
    println!("{name}: {:?}", t.elapsed() / n);
}
fn main() {
    let r = Random::default();
    let ring = KeyRing::parse(&KeyRing::generate(&r)).unwrap();
    let o = Uuid::from_u128(1);
    let (k, w) = ring.new_data_key(&r, o, o);
    let cell = Cell { organization: o, table: "customers", column: "email", row: o };
    let s = k.seal(&r, &cell, b"somebody@example.org");
    let place = IndexPlace { organization: o, table: "customers", column: "email", length: IndexLength::Unique };
    use aws_lc_rs::{aead, hmac};
    let hk = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let buf = [5u8; 110];
    time("raw hmac 110", 200_000, || {
        std::hint::black_box(hmac::sign(&hk, &buf));
    });
    let ak = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &[1; 32]).unwrap());
    time("raw gcm 20 + aad 110", 200_000, || {
        let mut b = [0u8; 20];
        std::hint::black_box(
            ak.seal_in_place_separate_tag(
                aead::Nonce::assume_unique_for_key([1; 12]),
                aead::Aad::from(&buf[..]),
                &mut b,
            )
            .unwrap(),
        );
    });
    time("random12", 200_000, || {
        std::hint::black_box(r.bytes::<12>());
    });
    time("seal", 200_000, || {
        std::hint::black_box(k.seal(&r, &cell, b"somebody@example.org"));
    });
    time("open", 200_000, || {
        std::hint::black_box(k.open(&cell, &s).unwrap());
    });
    time("index", 200_000, || {
        std::hint::black_box(ring.blind_index(&place, "somebody@example.org"));
    });
    time("unwrap", 20_000, || {
        std::hint::black_box(ring.unwrap(k.id(), o, o, &w.0).unwrap());
    });
    time("cursor", 200_000, || {
        std::hint::black_box(ring.seal_cursor(&r, b"x", b"somebody@example.org"));
    });
}
