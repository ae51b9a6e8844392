//! Compares the tree with the recursive definitions of RFC 6962, and with test vectors of
//! Certificate Transparency.

use proptest::prelude::*;

use super::{hash::split, *};

/// The definition in RFC 6962 §2.1.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) =
                leaves.split_at(usize::try_from(split(leaves.len() as u64)).unwrap());
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// The definition in RFC 6962 §2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }

    let k = usize::try_from(split(leaves.len() as u64)).unwrap();
    let (left, right) = leaves.split_at(k);
    let (mut found, beside) = if index < k {
        (path(index, left), mth(right))
    } else {
        (path(index - k, right), mth(left))
    };

    found.push(beside);

    found
}

/// The definition in RFC 6962 §2.1.2.
fn subproof(old: usize, leaves: &[Hash], is_known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_known {
            Vec::new()
        } else {
            vec![mth(leaves)]
        };
    }

    let k = usize::try_from(split(leaves.len() as u64)).unwrap();
    let (left, right) = leaves.split_at(k);
    let (mut found, beside) = if old <= k {
        (subproof(old, left, is_known), mth(right))
    } else {
        (subproof(old - k, right, false), mth(left))
    };

    found.push(beside);

    found
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn levels(leaves: &[Hash]) -> Levels {
    let mut levels = Levels::default();
    leaves.iter().for_each(|leaf| levels.push(*leaf));
    levels
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The test vectors of Certificate Transparency's implementations.
#[test]
fn roots_match_certificate_transparency() {
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    let mut frontier = Frontier::default();
    assert_eq!(
        hex(&frontier.root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );

    for (entry, root) in entries.iter().zip(roots) {
        frontier.push(leaf_hash(entry));
        assert_eq!(hex(&frontier.root()), root);
    }
}

#[test]
fn every_proof_of_every_small_tree_matches_the_rfc_and_verifies() {
    for size in 1..=40 {
        let leaves = leaves(size);
        let (root, levels) = (mth(&leaves), levels(&leaves));
        let subtrees = |height, place| levels.get(height, place);
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = inclusion_proof(index as u64, size as u64, &subtrees).unwrap();
            assert_eq!(proof, path(index, &leaves));
            assert!(is_included(leaf, index as u64, size as u64, &proof, &root));
        }

        for old in 1..=size {
            let proof = consistency_proof(old as u64, size as u64, &subtrees).unwrap();
            assert_eq!(proof, subproof(old, &leaves, true), "{old} of {size}");
            let before = mth(&leaves[..old]);
            assert!(is_consistent(
                (old as u64, &before),
                (size as u64, &root),
                &proof
            ));
        }
    }
}

proptest! {
    #[test]
    fn the_frontier_grows_to_the_same_tree_from_any_size(size in 0_usize..300, cut in 0_usize..300) {
        let leaves = leaves(size);
        let cut = cut.min(size);
        let mut frontier = Frontier::default();
        leaves[..cut].iter().for_each(|leaf| frontier.push(*leaf));
        prop_assert_eq!(frontier.root(), mth(&leaves[..cut]));
        let mut frontier = Frontier::from_bytes(cut as u64, &frontier.to_bytes()).unwrap();
        leaves[cut..].iter().for_each(|leaf| frontier.push(*leaf));
        prop_assert_eq!(frontier.root(), mth(&leaves));
        prop_assert_eq!(Frontier::from_bytes(frontier.size() + 1, &frontier.to_bytes()).is_some(),
            (size + 1).count_ones() == size.count_ones());
    }

    #[test]
    fn no_altered_inclusion_proof_verifies(
        size in 1_u64..200,
        index in 0_u64..200,
        at in 0_usize..20,
        bit in 0_usize..256,
    ) {
        let (leaves, index) = (leaves(usize::try_from(size).unwrap()), index % size);
        let (root, levels) = (mth(&leaves), levels(&leaves));
        let proof = inclusion_proof(index, size, &|height, place| levels.get(height, place)).unwrap();
        let leaf = leaves[usize::try_from(index).unwrap()];
        let mut flipped = proof.clone();
        if let Some(hash) = flipped.get_mut(at % proof.len().max(1)) {
            hash[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_included(&leaf, index, size, &flipped, &root));
            prop_assert!(!is_included(&leaf, index, size, &proof[1..], &root));
        }
        prop_assert!(!is_included(&leaf, index, size, &[&proof[..], &[root]].concat(), &root));
        let other = leaf_hash(b"another");
        prop_assert!(!is_included(&other, index, size, &proof, &root));
        prop_assert!(!is_included(&leaf, size, size, &proof, &root));
        for elsewhere in 0..size {
            prop_assert_eq!(is_included(&leaf, elsewhere, size, &proof, &root), elsewhere == index);
        }
    }

    #[test]
    fn no_rewritten_tree_is_consistent(old in 1_u64..100, more in 0_u64..100, at in 0_u64..100, cut in 0_usize..10) {
        let new = old + more;
        let mut leaves = leaves(usize::try_from(new).unwrap());
        let before = mth(&leaves[..usize::try_from(old).unwrap()]);
        let proof_of = |leaves: &[Hash]| {
            let levels = levels(leaves);
            consistency_proof(old, new, &|height, place| levels.get(height, place)).unwrap()
        };
        let (root, proof) = (mth(&leaves), proof_of(&leaves));
        prop_assert!(is_consistent((old, &before), (new, &root), &proof));
        if cut < proof.len() {
            prop_assert!(!is_consistent((old, &before), (new, &root), &proof[..cut]));
        }
        leaves[usize::try_from(at % old).unwrap()][0] ^= 1;
        prop_assert!(!is_consistent((old, &before), (new, &mth(&leaves)), &proof_of(&leaves)));
    }
}
