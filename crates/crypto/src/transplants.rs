//! Attacks on sealed cells by an attacker with write access to the database: copying, altering and
//! truncating them.

use mainstay_kernel::{Random, Uuid};

use crate::{Cell, DataKey, KeyRing, SealError, ring::tests::ring_of};

const CELL: Cell<'_> = Cell {
    organization: Uuid::from_u128(1),
    table: "customers",
    column: "email",
    row: Uuid::from_u128(2),
};

fn sealed_cell() -> (DataKey, Vec<u8>) {
    let random = Random::default();
    let ring = ring_of(&[KeyRing::generate(&random)]);
    let (key, _) = ring.new_data_key(&random, CELL.organization, CELL.row);
    let sealed = key.seal(&random, &CELL, b"a@example.org");
    (key, sealed)
}

#[test]
fn a_cell_does_not_open_in_another_place() {
    let (key, sealed) = sealed_cell();

    let elsewhere = [
        Cell {
            organization: Uuid::from_u128(3),
            ..CELL
        },
        Cell {
            table: "people",
            ..CELL
        },
        Cell {
            column: "phone",
            ..CELL
        },
        Cell {
            row: Uuid::from_u128(3),
            ..CELL
        },
        Cell {
            organization: CELL.row,
            row: CELL.organization,
            ..CELL
        },
        Cell {
            table: CELL.column,
            column: CELL.table,
            ..CELL
        },
        Cell {
            table: "customerse",
            column: "mail",
            ..CELL
        },
        Cell {
            table: "customersemail",
            column: "",
            ..CELL
        },
        Cell {
            table: "Customers",
            ..CELL
        },
        Cell {
            table: "customers\0",
            ..CELL
        },
    ];

    for cell in elsewhere {
        assert_eq!(
            key.open(&cell, &sealed),
            Err(SealError::Refused),
            "{cell:?}"
        );
    }

    assert!(key.open(&CELL, &sealed).is_ok());
}

#[test]
fn a_cell_does_not_open_under_another_subjects_key() {
    let (_, sealed) = sealed_cell();
    let (stranger, _) = sealed_cell();
    assert_eq!(stranger.open(&CELL, &sealed), Err(SealError::UnknownKey));
}

#[test]
fn an_altered_bit_anywhere_is_refused() {
    let (key, sealed) = sealed_cell();
    for (at, bit) in (0..sealed.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut altered = sealed.clone();
        altered[at] ^= 1 << bit;

        let expected = match at {
            0..2 => SealError::Malformed,
            2..10 => SealError::UnknownKey,
            _ => SealError::Refused,
        };

        assert_eq!(
            key.open(&CELL, &altered),
            Err(expected),
            "byte {at}, bit {bit}"
        );
    }
}

#[test]
fn a_truncated_or_extended_cell_is_refused() {
    let (key, sealed) = sealed_cell();
    for length in 0..sealed.len() {
        assert!(
            key.open(&CELL, &sealed[..length]).is_err(),
            "{length} bytes"
        );
    }
    assert_eq!(
        key.open(&CELL, &[sealed.as_slice(), &[0]].concat()),
        Err(SealError::Refused)
    );
}

#[test]
fn neither_cell_nor_error_shows_the_plaintext() {
    let (key, mut sealed) = sealed_cell();
    assert!(!sealed.windows(7).any(|window| window == b"example"));
    sealed[20] ^= 1;
    let error = key.open(&CELL, &sealed).unwrap_err();
    assert!(!format!("{error} {error:?} {key:?}").contains("example"));
}
