//! What the platform tells the audit log of people, credentials and rights: the names of the actions, and their events.

use mainstay_database::Event;
use mainstay_kernel::{OrganizationId, SessionId, UserId, Uuid};

/// Declares what identity tells the audit log, each action under the name that the log keeps.
macro_rules! actions {
    ($($(#[doc = $documentation:literal])+ $action:ident = $name:literal,)+) => {
        /// What identity tells the audit log, by the names of OWASP's logging vocabulary; where it has no word, one in its
        /// style.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($(#[doc = $documentation])+ $action,)+
        }

        impl Action {
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)+
                }
            }
        }

        /// Every action that identity tells the audit log, with when it does: rows of a Markdown table, in alphabetical
        /// order.
        pub fn audit_vocabulary() -> Vec<String> {
            let mut rows = vec![$(format!("| `{}` | {} |", $name, concat!($($documentation),+).trim())),+];
            rows.sort();
            rows
        }
    };
}

actions! {
    /// Somebody signed in.
    LoginSuccess = "authn_login_success",
    /// A sign-in was refused.
    LoginFail = "authn_login_fail",
    /// Attempts are refused after too many failures: the first refusal of an address in a quarter of an hour, with the
    /// number of refusals before it that were not recorded.
    LoginFailMax = "authn_login_fail_max",
    /// A person proved anew who it is.
    StepUpSuccess = "authn_step_up_success",
    /// A step-up was refused.
    StepUpFail = "authn_step_up_fail",
    /// A password was changed by who knew the old one.
    PasswordChange = "authn_password_change",
    /// A change of password was refused.
    PasswordChangeFail = "authn_password_change_fail",
    /// A reset of the password was asked for.
    PasswordResetRequest = "authn_password_reset_request",
    /// A password was set through a mailed token.
    PasswordReset = "authn_password_reset",
    /// A password was hashed anew under today's parameters.
    PasswordRehash = "authn_password_rehash",
    /// The password of a sign-in was right, and a second factor was asked for.
    SecondFactorRequired = "authn_second_factor_required",
    /// A second factor was shown and taken.
    SecondFactorSuccess = "authn_second_factor_success",
    /// A second factor is being set up.
    SecondFactorBegun = "authn_second_factor_begun",
    /// An account got a second factor.
    SecondFactorEnrolled = "authn_second_factor_enrolled",
    /// A second factor was taken away by its owner.
    SecondFactorRemoved = "authn_second_factor_removed",
    /// An operator took all second factors of an account away.
    SecondFactorsReset = "authn_second_factors_reset",
    /// Recovery codes were made, in place of older ones.
    RecoveryCodesCreated = "authn_recovery_codes_created",
    /// A passkey got another name.
    PasskeyRenamed = "authn_passkey_renamed",
    /// The counter of a passkey went back: there may be two of it.
    PasskeyCloned = "authn_passkey_counter_regression",
    /// A token or key was issued.
    TokenCreated = "authn_token_created",
    /// A token, key or session was revoked.
    TokenRevoked = "authn_token_revoked",
    /// A refresh token or an authorization code came back after it was exchanged: somebody else may hold it.
    TokenReuse = "authn_token_reuse",
    /// An identity of elsewhere was linked to an account.
    ExternalIdentityLinked = "authn_external_identity_linked",
    /// An identity of elsewhere was not linked.
    ExternalIdentityLinkFail = "authn_external_identity_link_fail",
    /// An identity of elsewhere was unlinked from an account.
    ExternalIdentityUnlinked = "authn_external_identity_unlinked",
    /// A session was refreshed.
    SessionRenewed = "session_renewed",
    /// A session was moved to another organization.
    SessionMoved = "session_moved",
    /// An account was asked for.
    SignUpRequest = "user_sign_up_request",
    /// An account was made.
    UserCreated = "user_created",
    /// A change of address was asked for.
    EmailChangeRequest = "user_email_change_request",
    /// An account was changed.
    UserUpdated = "user_updated",
    /// An account was shut, and can be opened again.
    UserArchived = "user_archived",
    /// An account was opened again.
    UserRestored = "user_restored",
    /// Somebody was shown all that is known of their account.
    UserExported = "user_exported",
    /// An account was deleted.
    UserDeleted = "user_deleted",
    /// The first key that signs access tokens was made.
    SigningKeyCreated = "signing_key_created",
    /// A key that signs access tokens was made to follow the one before.
    SigningKeyRotated = "signing_key_rotated",
    /// A key that signs access tokens was removed before its time, and its tokens with it.
    SigningKeyRetired = "signing_key_retired",
    /// A person let an application in.
    ClientAuthorized = "authn_client_authorized",
    /// A person withdrew what they had allowed an application.
    ClientWithdrawn = "authn_client_withdrawn",
    /// An application was registered.
    ClientCreated = "oauth_client_created",
    /// An operator said whether an application is their own.
    ClientUpdated = "oauth_client_updated",
    /// An application was shut.
    ClientDisabled = "oauth_client_disabled",
    /// Something was refused for want of a permission.
    AuthzFail = "authz_fail",
    /// What somebody may do was changed.
    AuthzChange = "authz_change",
    /// An organization was made.
    OrganizationCreated = "organization_created",
    /// An organization was changed.
    OrganizationUpdated = "organization_updated",
    /// An organization was deleted.
    OrganizationDeleted = "organization_deleted",
    /// An organization was handed over to another owner.
    OwnerChanged = "authz_admin",
    /// Somebody joined an organization.
    MembershipCreated = "membership_created",
    /// Somebody left an organization, or was removed.
    MembershipDeleted = "membership_deleted",
    /// Somebody was invited.
    InvitationCreated = "invitation_created",
    /// An invitation was withdrawn.
    InvitationDeleted = "invitation_deleted",
    /// A role was made.
    RoleCreated = "role_created",
    /// What a role grants was changed, or its name.
    PermissionsChanged = "privilege_permissions_changed",
    /// A role was deleted.
    RoleDeleted = "role_deleted",
}

/// An event about an account.
pub fn about_user(
    action: Action,
    user: Option<UserId>,
    organization: Option<OrganizationId>,
) -> Event {
    about(action, "user", user.map(UserId::uuid), organization)
}

/// An event about a session.
pub fn about_session(
    action: Action,
    session: SessionId,
    organization: Option<OrganizationId>,
) -> Event {
    about(action, "session", Some(session.uuid()), organization)
}

/// An event about a row of some kind.
pub fn about(
    action: Action,
    resource: &'static str,
    id: Option<Uuid>,
    organization: Option<OrganizationId>,
) -> Event {
    Event {
        action: action.name().to_owned(),
        resource,
        resource_id: id,
        organization,
    }
}
