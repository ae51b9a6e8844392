//! Who somebody is elsewhere, as it is kept: sealed, and found through an index over issuer and subject together.

use mainstay_accounts::account::{key::NOWHERE, tables::of_account};
use mainstay_crypto::{
    BlindIndex, Cell, Identifying, IndexLength, IndexPlace, Indexed, KeyRing, Personal, Sealed,
    Zeroizing,
};
use mainstay_database::{Scope, SealedColumn, SealedIndex, SealedTable, normalised};
use mainstay_kernel::Uuid;

use super::person::Person;

/// An issuer and its subject: two issuers may have the same subject, and mean two people (OWASP ASVS 6.8.1).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    issuer: String,
    subject: String,
}

/// What is sealed of identities.
pub(super) fn table() -> SealedTable {
    let index = SealedIndex {
        column: PLACE.column,
        source: "subject",
        bound_to: (PLACE.table, PLACE.column),
        scope: Scope::Nowhere,
        length: PLACE.length,
        claimed: true,
        normalised: normalised::<Subject>,
    };

    let columns = ["subject", "email"]
        .map(|column| SealedColumn::at(PLACE.table, column))
        .to_vec();

    SealedTable {
        indexes: vec![index],
        ..of_account(PLACE.table, "id", columns)
    }
}

const PLACE: IndexPlace<'static> = IndexPlace {
    organization: NOWHERE,
    table: "mainstay.external_identities",
    column: "subject_index",
    length: IndexLength::Unique,
};

/// The constraints that say that the identity belongs to another account.
pub(crate) const SUBJECT_TAKEN: [&str; 2] =
    ["external_identities_subject_key", "unique_indexes_pkey"];

impl Subject {
    pub(super) fn of(person: &Person) -> Sealed<Self> {
        Sealed::new(Self {
            issuer: person.issuer.clone(),
            subject: person.subject.clone(),
        })
    }
}

/// The index under which a new identity is kept.
pub(crate) fn index(subject: &Sealed<Subject>, ring: &KeyRing) -> Vec<u8> {
    subject.index(ring, &PLACE).into_bytes()
}

/// The indexes under which an identity may stand while keys are rotated.
pub(crate) fn indexes(subject: &Sealed<Subject>, ring: &KeyRing) -> Vec<Vec<u8>> {
    subject
        .indexes(ring, &PLACE)
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect()
}

/// Where a value of an identity stands.
pub(crate) fn cell(identity: Uuid, column: &'static str) -> Cell<'static> {
    Cell {
        organization: NOWHERE,
        table: "mainstay.external_identities",
        column,
        row: identity,
    }
}

impl Personal for Subject {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(format!("{}\n{}", self.issuer, self.subject).into_bytes())
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (issuer, subject) = text.split_once('\n')?;
        Some(Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        })
    }

    fn mask(&self) -> String {
        "•••".to_owned()
    }
}

/// Exactly as the provider writes it: subjects differ in the case of their letters. An issuer is a URL and has no line
/// end, so that no two pairs are the same text.
impl Indexed for Subject {
    fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n{}", self.issuer, self.subject))
    }
}

impl Identifying for Subject {}
