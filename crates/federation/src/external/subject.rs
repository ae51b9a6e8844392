//! An external identity as it is stored: sealed, and found by a blind index over issuer and
//! subject.

use mainstay_accounts::account::{key::NOWHERE, tables::of_account};
use mainstay_crypto::{
    BlindIndex, Cell, Identifying, IndexLength, IndexPlace, Indexed, KeyRing, Personal, Sealed,
    Zeroizing,
};
use mainstay_database::{Scope, SealedColumn, SealedIndex, SealedTable, Uniqueness, normalised};
use mainstay_kernel::Uuid;

use super::person::Person;

/// An issuer and a subject. The same subject of two issuers can be two different people (OWASP ASVS
/// 6.8.1).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    issuer: String,
    subject: String,
}

/// The sealed columns and the index of identities.
pub(super) fn table() -> SealedTable {
    let index = SealedIndex {
        column: PLACE.column,
        source: "subject",
        bound_to: (PLACE.table, PLACE.column),
        scope: Scope::Nowhere,
        length: PLACE.length,
        uniqueness: Uniqueness::Module,
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

/// The constraints that are violated if the identity is linked to another account.
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

/// The index value of a new identity.
pub(crate) fn index(subject: &Sealed<Subject>, ring: &KeyRing) -> Vec<u8> {
    subject.index(ring, &PLACE).into_bytes()
}

/// The index values that an identity may have while keys are rotated.
pub(crate) fn indexes(subject: &Sealed<Subject>, ring: &KeyRing) -> Vec<Vec<u8>> {
    subject
        .indexes(ring, &PLACE)
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect()
}

/// The cell of a sealed value of an identity.
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

/// The exact values, because subjects are case-sensitive. An issuer is a URL and contains no line
/// feed, so two different pairs never give the same string.
impl Indexed for Subject {
    fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n{}", self.issuer, self.subject))
    }
}

impl Identifying for Subject {}
