//! When a person is asked before an application gets access, and what they are shown.

use mainstay_database::{Error, FromRow, Sql};
use mainstay_http::view;
use mainstay_principals::scope::{LEAST, LEAST_IN_WORDS};

use super::{
    redirect,
    request::{Checked, Decision},
};

/// What a person is asked before an application gets access.
#[view]
pub(crate) struct ConsentView {
    /// The application's name.
    client_name: String,
    /// Who receives the response: the host of the redirect address, or the scheme of an application
    /// on the person's device.
    recipient: String,
    /// Whether the redirect address proves the identity of the application. If not, another program
    /// on the person's device may have made the request in its name.
    is_identity_assured: bool,
    /// The permissions that the application requests.
    permissions: Vec<ConsentPermissionView>,
}

/// A permission that an application requests.
#[view]
#[derive(FromRow)]
pub(super) struct ConsentPermissionView {
    /// The permission's name, as in a scope.
    name: String,
    /// What the permission allows.
    help: String,
}

/// The consent on which a code is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    /// The person consents with this request.
    pub(super) is_given: bool,
    /// An earlier consent is sufficient.
    pub(super) may_be_remembered: bool,
    /// No consent is needed.
    pub(super) is_not_needed: bool,
}

impl Consent {
    /// Determines which consent the request needs. If the redirect address does not prove the
    /// identity of the application, the person is asked every time: another program may make the
    /// request in the name of an application that they trust (RFC 8252 §8.6, RFC 6749 §10.2; OWASP
    /// ASVS 10.7.1).
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
    /// Returns what to ask the person before `scopes` are granted.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn of(sql: &Sql, checked: &Checked, scopes: &[String]) -> Result<Self, Error> {
        Ok(Self {
            client_name: checked.application.name.clone(),
            recipient: redirect::recipient(&checked.redirect_uri),
            is_identity_assured: redirect::assures_identity(&checked.redirect_uri),
            permissions: describe(sql, scopes).await?,
        })
    }
}

async fn describe(sql: &Sql, scopes: &[String]) -> Result<Vec<ConsentPermissionView>, Error> {
    const FIND: &str = r"
        SELECT name, help
        FROM mainstay.permissions
        WHERE name = ANY ($1)
        ORDER BY name
    ";

    let least = ConsentPermissionView {
        name: LEAST.to_owned(),
        help: LEAST_IN_WORDS.to_owned(),
    };

    // Every application may ask which account it works for, in addition to the scopes.
    let found: Vec<ConsentPermissionView> = sql
        .query("permissions.find", FIND, [scopes.to_vec().into()])
        .await?;

    Ok([least].into_iter().chain(found).collect())
}
