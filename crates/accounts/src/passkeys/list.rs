//! Lists, renames and removes a person's passkeys.

use mainstay_crypto::{Sealed, Zeroizing};
use mainstay_database::{Change, Error, FromRow, HeldKey, Row, Sql};
use mainstay_http::{
    Fresh, InPerson, Json, Listing, NOT_FOUND, NoContent, Path, Problem, Shared, delete, get,
    input, put, view,
};
use mainstay_kernel::{Id, Timestamp, UserId, Uuid};
use mainstay_principals::{
    events::{Action, about},
    names::DisplayName,
    standing::{self, Hold},
};
use webauthn_rs::prelude::Passkey;

use crate::{
    account::{key::AccountKey, owner::find_owner},
    accounts::Accounts,
    letters,
    passwords::rules::PASSWORD_TOO_SHORT,
    problems::LAST_WAY_IN,
    second_factors::kept::{Kept, kept_cell},
};

/// A passkey.
#[view]
pub(super) struct PasskeyView {
    /// The passkey's identifier.
    id: Uuid,
    /// The name that its owner gave it.
    name: String,
    /// When it was added.
    created_at: Timestamp,
    /// When it was last used to sign in.
    last_used_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct StoredPasskey {
    id: Uuid,
    name: Vec<u8>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    #[from_row(flatten)]
    key: AccountKey,
}

/// List your passkeys, oldest first.
#[get("/v1/me/passkeys")]
pub(super) async fn list_passkeys(by: InPerson) -> Result<Listing<PasskeyView>, Problem> {
    const LIST: &str = r"
        SELECT
            p.id, p.name, p.created_at, p.last_used_at,
            k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.passkeys p
        JOIN mainstay.users u ON u.id = p.user_id AND u.active
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE p.user_id = $1
        ORDER BY p.id
    ";

    let sql = by.sql();
    let user = by.principal().user;
    let passkeys: Vec<StoredPasskey> = sql
        .query("passkeys.list", LIST, [user.uuid().into()])
        .await?;
    let items = passkeys
        .into_iter()
        .map(|passkey| passkey.open(&sql, user))
        .collect::<Result<_, _>>()?;

    Ok(Listing { items })
}

impl StoredPasskey {
    fn open(self, sql: &Sql, user: UserId) -> Result<PasskeyView, Error> {
        let name: Kept = sql.open_own(
            &self.key.of(user),
            &kept_cell("mainstay.passkeys", "name", self.id),
            &self.name,
        )?;

        Ok(PasskeyView {
            id: self.id,
            name: String::from_utf8_lossy(&name.0).into_owned(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
        })
    }
}

/// A new name.
#[input]
pub(super) struct RenamePasskey {
    /// The new name.
    name: DisplayName,
}

/// Rename a passkey.
#[put("/v1/me/passkeys/{id}/name", problems(NOT_FOUND))]
pub(super) async fn rename_passkey(
    by: InPerson,
    Path(id): Path<Id<Passkey>>,
    Json(body): Json<RenamePasskey>,
) -> Result<NoContent, Problem> {
    const RENAME: &str = r"
        changed AS (
            UPDATE mainstay.passkeys
            SET name = $3
            WHERE id = $1
              AND user_id = $2
              AND EXISTS (SELECT FROM held)
            RETURNING id
        )
    ";

    let (principal, id) = (by.principal(), id.uuid());
    let sql = by.sql();
    let owner = find_owner(&sql, principal.user).await?;
    let name = Sealed::new(Kept(Zeroizing::new(body.name.into_string().into_bytes())));

    let rename = |key: &HeldKey<'_>| {
        let sealed = key.seal(&kept_cell("mainstay.passkeys", "name", id), &name)?;
        let event = about(
            Action::PasskeyRenamed,
            "passkey",
            Some(id),
            principal.organization,
        );
        let values = [id.into(), principal.user.uuid().into(), sealed.into()];
        Ok(Change::new("passkeys.rename", RENAME, values, event))
    };

    let renamed = sql.change_sealed(&owner.key, rename).await?;
    if renamed.is_empty() {
        Err(NOT_FOUND.problem())
    } else {
        Ok(NoContent)
    }
}

/// Remove a passkey.
///
/// Use this when a device is lost or sold. All other sessions end. If this was the last factor,
/// sign-in requires only the password from then on, and the recovery codes are deleted. If the
/// password is too short to be used alone, change it first.
#[delete(
    "/v1/me/passkeys/{id}",
    problems(NOT_FOUND, LAST_WAY_IN, PASSWORD_TOO_SHORT)
)]
pub(super) async fn delete_passkey(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
    Path(id): Path<Id<Passkey>>,
) -> Result<NoContent, Problem> {
    const DELETE: &str = r"
        changed AS (
            DELETE FROM mainstay.passkeys
            WHERE id = $1
              AND user_id = $2
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.is_last_way_in($2, $1)
              AND NOT mainstay.password_needs($2, $1)
            RETURNING id, mainstay.end_sessions(user_id, NULL, $4, $3)
        )
    ";

    const EXISTS: &str = r"
        SELECT mainstay.is_last_way_in($2, $1)
        FROM mainstay.passkeys
        WHERE id = $1 AND user_id = $2
    ";

    let (principal, id) = (by.principal(), id.uuid());
    let sql = by.sql();
    let owner = find_owner(&sql, principal.user).await?;
    let now = accounts.runtime().clock.now();

    let values = [
        id.into(),
        principal.user.uuid().into(),
        now.inner().into(),
        principal.session.uuid().into(),
    ];
    let event = about(
        Action::SecondFactorRemoved,
        "passkey",
        Some(id),
        principal.organization,
    );
    let notice = owner.notice(
        &letters::second_factor_removed("one of your passkeys"),
        &sql,
    )?;

    let removed = sql
        .change(
            Change::new("passkeys.delete", DELETE, values, event)
                .given(standing::in_person(principal, Hold::Alone))
                .queue(notice),
        )
        .await?;
    accounts.principals.forget_user(principal.user);

    if removed.is_empty() {
        let own = [id.into(), principal.user.uuid().into()];
        let rows = sql.upkeep("passkeys.exists", EXISTS, own).await?;
        let refused = match Row::read_first::<bool>(&rows)? {
            None => NOT_FOUND,
            Some(true) => LAST_WAY_IN,
            Some(false) => PASSWORD_TOO_SHORT,
        };

        return Err(standing::ended_or(&sql, principal, refused.problem()).await);
    }

    Ok(NoContent)
}
