//! Confirms a change of address. The address changes when both addresses have confirmed.

use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Change, Error, FromRow, Row, Sql};
use mainstay_http::{Json, OnConstraint as _, Problem, Public, Shared, input, post, view};
use mainstay_kernel::{EmailAddress, Timestamp, UserId};
use mainstay_principals::{
    events::{Action, about_user},
    secret::hash,
    standing::{self, Hold},
};

use super::{
    address::{ADDRESS_TAKEN, email_cell, email_index},
    key::AccountKey,
};
use crate::{accounts::Accounts, letters, problems::INVALID_TOKEN, unlimited::SIGNED_OUT};

/// A confirmation from one of the two addresses.
#[input]
pub(super) struct ConfirmEmailChange {
    /// The token from the link in the e-mail.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
}

/// The state of a change of address.
#[view]
pub(super) struct EmailChangeView {
    /// Whether both addresses have confirmed, so that the address has changed.
    applied: bool,
}

/// Confirm a change of address.
///
/// Each of the two addresses has its own token.
#[post("/v1/me/email/confirmation", problems(INVALID_TOKEN))]
pub(super) async fn confirm_email_change(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<ConfirmEmailChange>,
) -> Result<Json<EmailChangeView>, Problem> {
    const CONFIRM: &str = r"
        confirmed AS (
            UPDATE mainstay.email_changes
            SET old_confirmed_at = CASE WHEN old_hash = $1 THEN $2 ELSE old_confirmed_at END,
                new_confirmed_at = CASE WHEN new_hash = $1 THEN $2 ELSE new_confirmed_at END,
                applied_at = CASE
                    WHEN old_hash = $1 AND new_confirmed_at IS NOT NULL THEN $2
                    WHEN new_hash = $1 AND old_confirmed_at IS NOT NULL THEN $2
                END
            WHERE (old_hash = $1 OR new_hash = $1)
              AND applied_at IS NULL
              AND expires_at > $2
              AND $5 = CASE
                  WHEN old_hash = $1 THEN new_confirmed_at IS NOT NULL
                  ELSE old_confirmed_at IS NOT NULL
              END
              AND EXISTS (SELECT FROM held)
            RETURNING *
        ),
        applied AS (
            UPDATE mainstay.users u
            SET email = c.email,
                email_index = $3,
                credentials_version = u.credentials_version + 1
            FROM confirmed c
            WHERE u.id = c.user_id AND c.applied_at IS NOT NULL
            RETURNING u.id
        ),
        released AS (
            DELETE FROM mainstay.unique_indexes i
            USING applied
            WHERE i.row_id = applied.id AND i.digest <> ALL ($4)
        ),
        claimed AS (
            INSERT INTO mainstay.unique_indexes (digest, row_id)
            SELECT digest, applied.id
            FROM applied, unnest($4::bytea[]) AS digest
            WHERE NOT EXISTS (
                SELECT FROM mainstay.unique_indexes i
                WHERE i.digest = digest.digest AND i.row_id = applied.id
            )
        ),
        resets AS (
            DELETE FROM mainstay.password_resets p
            USING applied
            WHERE p.user_id = applied.id
        ),
        changed AS (SELECT c.applied_at IS NOT NULL FROM confirmed c)
    ";

    let sql = by.unlimited(SIGNED_OUT);
    let (token, now) = (hash(&body.token), accounts.runtime().clock.now());

    for _ in 0..3 {
        let pending = find_change(&sql, &token, now)
            .await?
            .ok_or_else(|| INVALID_TOKEN.problem())?;

        let notice = match pending.is_last {
            true => letters::to(&pending.old, &letters::email_changed(&pending.new), &sql)?,
            false => None,
        };

        // Computed again: the ring's primary key may have changed since the request.
        let (new, ring) = (Sealed::new(pending.new), sql.database().ring());
        let index = new.index(ring, &email_index()).into_bytes();
        let indexes: Vec<_> = new
            .indexes(ring, &email_index())
            .into_iter()
            .map(BlindIndex::into_bytes)
            .collect();

        let values = [
            token.clone().into(),
            now.inner().into(),
            index.into(),
            indexes.into(),
            pending.is_last.into(),
        ];

        let event = about_user(Action::UserUpdated, Some(pending.user), None);
        let change = Change::new("email_changes.confirm", CONFIRM, values, event)
            .given([standing::active(pending.user, Hold::Alone)])
            .queue(notice);

        let changed = sql
            .change(change)
            .await
            .on_constraints(&ADDRESS_TAKEN, INVALID_TOKEN)?;
        if let Some(applied) = Row::read_first(&changed)? {
            return Ok(Json(EmailChangeView { applied }));
        }

        // The other address confirmed at the same moment. This confirmation is now the last one, so
        // try again.
    }

    Err(INVALID_TOKEN.problem())
}

/// Whether a token belongs to a pending change of address.
///
/// # Errors
/// The error of the database.
pub async fn is_email_change(sql: &Sql, accounts: &Accounts, token: &str) -> Result<bool, Error> {
    Ok(
        find_change(sql, &hash(token), accounts.runtime().clock.now())
            .await?
            .is_some(),
    )
}

struct PendingChange {
    user: UserId,
    old: EmailAddress,
    new: EmailAddress,
    /// Whether the other address has already confirmed.
    is_last: bool,
}

#[derive(FromRow)]
struct StoredChange {
    user_id: UserId,
    old_email: Vec<u8>,
    new_email: Vec<u8>,
    is_last: bool,
    #[from_row(flatten)]
    key: AccountKey,
}

async fn find_change(
    sql: &Sql,
    token: &[u8],
    now: Timestamp,
) -> Result<Option<PendingChange>, Error> {
    const FIND: &str = r"
        SELECT
            c.user_id, u.email AS old_email, c.email AS new_email,
            (c.old_hash = $1 AND c.new_confirmed_at IS NOT NULL)
                OR (c.new_hash = $1 AND c.old_confirmed_at IS NOT NULL) AS is_last,
            k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.email_changes c
        JOIN mainstay.users u ON u.id = c.user_id AND u.active
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE (c.old_hash = $1 OR c.new_hash = $1)
          AND c.applied_at IS NULL
          AND c.expires_at > $2
    ";

    let changes: Vec<StoredChange> = sql
        .query(
            "email_changes.find",
            FIND,
            [token.to_vec().into(), now.inner().into()],
        )
        .await?;
    let change = changes.into_iter().next();

    change.map(|change| change.open(sql)).transpose()
}

impl StoredChange {
    fn open(self, sql: &Sql) -> Result<PendingChange, Error> {
        let user = self.user_id;
        let key = self.key.of(user);
        let open = |sealed: &[u8]| sql.open_own(&key, &email_cell(user.uuid()), sealed);

        Ok(PendingChange {
            user,
            old: open(&self.old_email)?,
            new: open(&self.new_email)?,
            is_last: self.is_last,
        })
    }
}
