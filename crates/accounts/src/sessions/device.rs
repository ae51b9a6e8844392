//! The sealed user agent and address of a sign-in.

use mainstay_crypto::{Cell, Personal, Sealed, Zeroizing};
use mainstay_database::{Error, HeldKey, Origin, SealedColumn, SealedTable};
use mainstay_http::{Header, UserAgent};
use mainstay_kernel::SessionId;

use crate::account::{key::NOWHERE, tables::of_account};

/// The user agent and the address of a sign-in.
#[derive(Clone, Default)]
pub struct Device {
    user_agent: Option<Sealed<DeviceText>>,
    address: Option<Sealed<DeviceText>>,
}

/// A user agent or an address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DeviceText(pub(crate) String);

impl Device {
    /// Reads the device of a request.
    pub fn of(origin: &Origin, user_agent: &Header<UserAgent>) -> Self {
        let sealed = |text: String| Sealed::new(DeviceText(text));
        Self {
            user_agent: user_agent
                .0
                .as_ref()
                .map(|program| sealed(program.0.clone())),
            address: origin.address.map(|address| sealed(address.to_string())),
        }
    }

    /// Seals both columns of a session. They are empty without a key.
    pub fn seal(
        &self,
        key: Option<&HeldKey<'_>>,
        session: SessionId,
    ) -> Result<[Option<Vec<u8>>; 2], Error> {
        let seal = |value: &Option<Sealed<DeviceText>>, column| match (value, key) {
            (Some(value), Some(key)) => key.seal(&cell(session, column), value).map(Some),
            _ => Ok(None),
        };

        Ok([
            seal(&self.user_agent, "user_agent")?,
            seal(&self.address, "address")?,
        ])
    }
}

/// The sealed columns of sessions.
pub(super) fn table() -> SealedTable {
    of_account(
        "mainstay.sessions",
        "id",
        ["user_agent", "address"]
            .map(|column| SealedColumn::at("mainstay.sessions", column))
            .to_vec(),
    )
}

/// The cell of a session's user agent or address.
pub(crate) fn cell(session: SessionId, column: &'static str) -> Cell<'static> {
    Cell {
        organization: NOWHERE,
        table: "mainstay.sessions",
        column,
        row: session.uuid(),
    }
}

impl Personal for DeviceText {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.as_bytes().to_vec())
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }

    fn mask(&self) -> String {
        "•••".to_owned()
    }
}
