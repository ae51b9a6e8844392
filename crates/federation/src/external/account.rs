//! Finds the account that an identity is linked to.

use mainstay_accounts::{account::key::AccountKey, second_factors::spend::Holder};
use mainstay_crypto::Sealed;
use mainstay_database::{Error, FromRow, OwnKey, Sql, Uuid};
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

#[derive(FromRow)]
struct StoredAccount {
    identity: Uuid,
    user_id: UserId,
    active: bool,
    second_factor: bool,
    organization_id: Option<OrganizationId>,
    email: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
    is_known_anywhere: bool,
    is_known_here: bool,
    totp: Option<Vec<u8>>,
    credentials_version: i64,
}

impl LinkedAccount {
    /// Finds the account that an identity is linked to, with its membership in the requested or its
    /// oldest organization.
    pub(super) async fn find(
        sql: &Sql,
        subject: &Sealed<Subject>,
        organization: Option<OrganizationId>,
        place: &[u8],
    ) -> Result<Option<Self>, Error> {
        const FIND: &str = r"
            SELECT
                i.id AS identity,
                u.id AS user_id,
                u.active,
                u.second_factor,
                m.organization_id,
                u.email,
                k.id AS key_id,
                k.wrapped AS wrapped_key,
                EXISTS (
                    SELECT FROM mainstay.sign_in_places p
                    WHERE p.user_id = u.id
                ) AS is_known_anywhere,
                EXISTS (
                    SELECT FROM mainstay.sign_in_places p
                    WHERE p.user_id = u.id AND p.place = $3
                ) AS is_known_here,
                t.secret AS totp,
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

        let indexes = indexes(subject, sql.database().ring());
        let values = [
            indexes.into(),
            organization.map(OrganizationId::uuid).into(),
            place.to_vec().into(),
        ];

        let accounts: Vec<StoredAccount> = sql
            .query("external_identities.sign_in", FIND, values)
            .await?;

        Ok(accounts.into_iter().next().map(Self::of))
    }

    fn of(stored: StoredAccount) -> Self {
        Self {
            identity: stored.identity,
            user: stored.user_id,
            active: stored.active,
            second_factor: stored.second_factor,
            organization: stored.organization_id,
            email: stored.email,
            key: stored.key.of(stored.user_id),
            is_new_network: stored.is_known_anywhere && !stored.is_known_here,
            is_known_here: stored.is_known_here,
            totp: stored.totp,
            credentials: stored.credentials_version,
        }
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
    pub(super) async fn note_use(&self, sql: &Sql, now: Timestamp) -> Result<(), Error> {
        const USED: &str =
            "UPDATE mainstay.external_identities SET last_used_at = $2 WHERE id = $1";
        let values = [self.identity.into(), now.inner().into()];
        sql.upkeep("external_identities.used", USED, values)
            .await
            .map(drop)
    }
}
