//! Whether data keys are wiped after their last use: the tests search the memory of this process,
//! as an attacker with a memory dump would. `Zeroizing` needs no such test, since its type
//! guarantees it; AWS-LC wipes the rest.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use mainstay_crypto::{DataKey, KeyRing, Zeroizing};
use mainstay_kernel::{Random, Uuid};

/// The number of copies of the key: enough that the few in stack frames and in the search itself do
/// not matter.
const COPIES: usize = 400;
const FEW: usize = COPIES / 10;

/// The bytes to search for: the second half of a key, since an allocator overwrites the beginning
/// of freed memory. They are stored inverted, so that the search does not find itself.
struct Wanted([u8; 16]);

impl Wanted {
    fn new(key: &[u8; 32]) -> Self {
        let mut inverted = [0; 16];
        inverted
            .iter_mut()
            .zip(&key[16..])
            .for_each(|(to, from)| *to = !from);
        Self(inverted)
    }

    fn is_at(&self, window: &[u8]) -> bool {
        window
            .iter()
            .zip(&self.0)
            .all(|(found, wanted)| *found == !wanted)
    }

    /// How often the bytes occur in the writable memory of this process.
    fn count(&self) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let mut buffer = vec![0; 1 << 16];
        let mut count = 0;
        for line in fs::read_to_string("/proc/self/maps")
            .unwrap()
            .lines()
            .filter(|line| line.contains(" rw-p "))
        {
            let (from, rest) = line.split_once('-').unwrap();
            let until = u64::from_str_radix(rest.split(' ').next().unwrap(), 16).unwrap();
            let mut at = u64::from_str_radix(from, 16).unwrap();
            while at < until {
                // The buffer is part of the searched memory, so its previous contents must be gone.
                buffer.fill(0);
                let Ok(read) = memory.read_at(&mut buffer, at) else {
                    break;
                };
                let read = read.min(usize::try_from(until - at).unwrap());
                count += buffer[..read]
                    .windows(16)
                    .filter(|window| self.is_at(window))
                    .count();
                at += u64::try_from(read.max(1)).unwrap();
            }
        }

        buffer.fill(0);

        count
    }
}

/// The key that seals the cells of a data key, derived as the crate derives it.
fn cell_cipher(random: &Random) -> Zeroizing<[u8; 32]> {
    let _id: [u8; 8] = random.bytes();
    let secret = Zeroizing::new(random.bytes::<32>());
    let mut key = Zeroizing::new([0; 32]);
    let extracted = Salt::new(HKDF_SHA256, b"mainstay data key 1").extract(&*secret);
    extracted
        .expand(&[b"cell cipher"], HKDF_SHA256)
        .unwrap()
        .fill(&mut *key)
        .unwrap();
    key
}

#[test]
fn a_data_key_is_wiped_with_its_last_reference() {
    let ring = KeyRing::parse(&KeyRing::generate(&Random::default())).unwrap();
    let wanted = Wanted::new(&cell_cipher(&Random::seeded(7)));

    let keys: Vec<DataKey> = (0..COPIES)
        .map(|_| {
            ring.new_data_key(&Random::seeded(7), Uuid::nil(), Uuid::nil())
                .0
        })
        .collect();

    let others = keys.clone();
    assert!(
        wanted.count() >= COPIES,
        "each key is in memory: {}",
        wanted.count()
    );

    drop(keys);
    assert!(wanted.count() >= COPIES, "the clones still use the key");

    drop(others);
    assert!(wanted.count() < FEW, "{} are left", wanted.count());
}

/// The search finds bytes that were freed but not wiped: otherwise the test above would prove
/// nothing.
#[test]
fn freed_bytes_that_were_not_wiped_are_found() {
    let key = *b"a key for the test, not for anything else";
    let key: &[u8; 32] = key.first_chunk().unwrap();
    let wanted = Wanted::new(key);
    let copies: Vec<Vec<u8>> = (0..COPIES)
        .map(|_| [key.as_slice(), &[0; 256]].concat())
        .collect();
    drop(copies);
    assert!(wanted.count() > FEW, "{}", wanted.count());
}
