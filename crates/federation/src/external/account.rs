//! Finds the account that an identity is linked to.

use mainstay_accounts::{account::key::own_key, second_factors::spend::Holder};
use mainstay_crypto::Sealed;
use mainstay_database::{Error, OwnKey, Row, Unscoped, Uuid};
use mainstay_http::Problem;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};

use super::{
    exchange::refused,
    subject::{Subject, indexes},
};

/// An account that an identity is linked to.
pub(crate) struct LinkedAccount {
    pub(super) identity: Uuid,
    pub(super) user: UserId,
    pub(super) active: bool,
    pub(super) second_factor: bool,
    pub(super) organization: Option<OrganizationId>,
    /// Sealed.
    pub(super) email: Vec<u8>,
    pub(super) key: OwnKey,
    /// Whether the account has signed in before, but never from this network.
    pub(super) is_new_network: bool,
    /// Whether the account has signed in from this network before.
    pub(super) is_known_here: bool,
    /// The secret of the authenticator app, sealed.
    pub(super) totp: Option<Vec<u8>>,
    /// The version of the account's credentials, which include this identity.
    pub(super) credentials: i64,
}

impl LinkedAccount {
    /// Finds the account that an identity is linked to, with its membership in the requested or its
    /// oldest organization.
    pub(super) async fn find(
        unscoped: &Unscoped,
        subject: &Sealed<Subject>,
        organization: Option<OrganizationId>,
        place: &[u8],
    ) -> Result<Option<Self>, Error> {
        const FIND: &str = r"
            SELECT
                i.id,
                u.id,
                u.active,
                u.second_factor,
                m.organization_id,
                u.email,
                k.id,
                k.wrapped,
                EXISTS (SELECT FROM mainstay.sign_in_places p WHERE p.user_id = u.id),
                EXISTS (
                    SELECT FROM mainstay.sign_in_places p
                    WHERE p.user_id = u.id AND p.place = $3
                ),
                t.secret,
                u.credentials_version
            FROM mainstay.external_identities i
            JOIN mainstay.users u ON u.id = i.user_id
            JOIN mainstay.data_keys k ON k.id = u.data_key
            LEFT JOIN mainstay.totps t ON t.user_id = u.id
            LEFT JOIN LATERAL (
                SELECT organization_id
                FROM mainstay.memberships
                WHERE user_id = u.id AND ($2::uuid IS NULL OR organization_id = $2)
                ORDER BY created_at, organization_id
                LIMIT 1
            ) m ON true
            WHERE i.subject_index = ANY ($1)
        ";

        let indexes = indexes(subject, unscoped.database().ring());
        let values = [
            indexes.into(),
            organization.map(OrganizationId::uuid).into(),
            place.to_vec().into(),
        ];

        let read = |row: &Row| -> Result<Self, Error> {
            let user: UserId = row.get(1)?;
            Ok(Self {
                identity: row.get(0)?,
                user,
                active: row.get(2)?,
                second_factor: row.get(3)?,
                organization: row.get::<Option<Uuid>>(4)?.map(OrganizationId::from),
                email: row.get(5)?,
                key: own_key(user, row, 6)?,
                is_new_network: row.get::<bool>(8)? && !row.get::<bool>(9)?,
                is_known_here: row.get(9)?,
                totp: row.get(10)?,
                credentials: row.get(11)?,
            })
        };

        let rows = unscoped
            .select("external_identities.sign_in", FIND, values)
            .await?;

        rows.first().map(read).transpose()
    }

    /// Refuses a deactivated account, and one that is not a member of the requested organization.
    pub(super) fn may_be_signed_in_to(
        &self,
        organization: Option<OrganizationId>,
    ) -> Result<(), Problem> {
        if !self.active {
            return Err(refused("the account is deactivated"));
        }
        if organization.is_some() && self.organization.is_none() {
            return Err(refused("the account is not a member of the organization"));
        }

        Ok(())
    }

    pub(super) fn holder(&self) -> Holder<'_> {
        Holder {
            user: self.user,
            organization: self.organization,
            key: &self.key,
            totp: self.totp.as_deref(),
            email: &self.email,
            is_known_here: self.is_known_here,
        }
    }

    /// Stores when the identity was last used.
    pub(super) async fn note_use(&self, unscoped: &Unscoped, now: Timestamp) -> Result<(), Error> {
        const USED: &str =
            "UPDATE mainstay.external_identities SET last_used_at = $2 WHERE id = $1";
        let values = [self.identity.into(), now.inner().into()];
        unscoped
            .upkeep("external_identities.used", USED, values)
            .await
            .map(drop)
    }
}
