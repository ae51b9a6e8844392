//! When a person is asked before an application gets access, and what they are told.

use mainstay_database::{Error, Row, Unscoped};
use mainstay_http::view;
use mainstay_principals::scope::{LEAST, LEAST_IN_WORDS};

use super::{
    redirect,
    request::{Checked, Decision},
};

/// What a person is asked before an application gets access.
#[view]
pub(crate) struct ConsentView {
    /// What the application is called.
    client_name: String,
    /// Who is answered: the host of the redirect, or the scheme of an application on the person's device.
    recipient: String,
    /// Whether only this application is answered there. Otherwise any program on the person's device may have asked in its
    /// name.
    is_identity_assured: bool,
    /// What it would be allowed to do.
    permissions: Vec<ConsentPermissionView>,
}

/// Something that an application would be allowed to do.
#[view]
pub(super) struct ConsentPermissionView {
    /// The name, as in a scope.
    name: String,
    /// What it allows.
    help: String,
}

/// Why a code may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    /// The person agreed just now.
    pub(super) is_given: bool,
    /// That the person agreed before is enough.
    pub(super) may_be_remembered: bool,
    /// The person need not be asked at all.
    pub(super) is_not_needed: bool,
}

impl Consent {
    /// Where it is not certain who is answered, the person is asked each time: another program may ask in the name of an
    /// application that they trust (RFC 8252 §8.6, RFC 6749 §10.2; OWASP ASVS 10.7.1).
    pub(super) fn of(checked: &Checked, decision: Option<Decision>) -> Self {
        let is_assured = redirect::assures_identity(&checked.redirect_uri);
        Self {
            is_given: decision == Some(Decision::Allow),
            may_be_remembered: decision.is_none() && is_assured,
            is_not_needed: decision.is_none() && is_assured && checked.application.first_party,
        }
    }
}

impl ConsentView {
    /// What to ask before `scopes` are granted.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn of(
        unscoped: &Unscoped,
        checked: &Checked,
        scopes: &[String],
    ) -> Result<Self, Error> {
        Ok(Self {
            client_name: checked.application.name.clone(),
            recipient: redirect::recipient(&checked.redirect_uri),
            is_identity_assured: redirect::assures_identity(&checked.redirect_uri),
            permissions: in_words(unscoped, scopes).await?,
        })
    }
}

async fn in_words(
    unscoped: &Unscoped,
    scopes: &[String],
) -> Result<Vec<ConsentPermissionView>, Error> {
    const FIND: &str = r"
        SELECT name, help
        FROM mainstay.permissions
        WHERE name = ANY ($1)
        ORDER BY name
    ";

    let least = || ConsentPermissionView {
        name: LEAST.to_owned(),
        help: LEAST_IN_WORDS.to_owned(),
    };

    let read = |row: &Row| {
        Ok(ConsentPermissionView {
            name: row.get(0)?,
            help: row.get(1)?,
        })
    };

    // Every application may ask whose account it works for, whatever else it asks for.
    let rows = unscoped
        .select("permissions.find", FIND, [scopes.to_vec().into()])
        .await?;

    [Ok(least())]
        .into_iter()
        .chain(rows.iter().map(read))
        .collect()
}
