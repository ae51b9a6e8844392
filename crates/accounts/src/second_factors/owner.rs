//! Whose factors they are, and how what is kept of them is sealed.

use mainstay_crypto::{Cell, Personal, Zeroizing};
use mainstay_database::{Error, Job, OwnKey, Unscoped, Uuid};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::UserId;
use mainstay_mail::Letter;

use crate::{
    account::{
        address::email_cell,
        email::EmailAddress,
        key::{NOWHERE, own_key},
    },
    letters,
};

/// Whose factors they are, as far as changing them asks.
pub struct Owner {
    /// The address.
    pub email: EmailAddress,
    /// The key of the account's personal data.
    pub key: OwnKey,
}

/// The account of a person that is signed in.
pub async fn find_owner(unscoped: &Unscoped, user: UserId) -> Result<Owner, Problem> {
    const FIND: &str = r"
        SELECT u.email, k.id, k.wrapped
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.id = $1 AND u.active
    ";
    let rows = unscoped
        .select("users.factor_owner", FIND, [user.uuid().into()])
        .await?;
    let row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let key = own_key(user, row, 1)?;
    let email = unscoped.open_own(&key, &email_cell(user.uuid()), &row.get::<Vec<u8>>(0)?)?;
    Ok(Owner { email, key })
}

impl Owner {
    /// Tells the owner what has changed (OWASP ASVS 6.3.7).
    pub fn told(&self, letter: &Letter, unscoped: &Unscoped) -> Result<Option<Job>, Error> {
        letters::to(&self.email, letter, unscoped)
    }
}

/// Bytes that are kept sealed under the owner's key: a secret, a public key, a name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) Zeroizing<Vec<u8>>);

impl Personal for Kept {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        self.0.clone()
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.to_vec())))
    }

    fn mask(&self) -> String {
        "•••".to_owned()
    }
}

/// Where such bytes stand.
pub(crate) fn kept_cell(table: &'static str, column: &'static str, row: Uuid) -> Cell<'static> {
    Cell {
        organization: NOWHERE,
        table,
        column,
        row,
    }
}
