//! The audit events about people, credentials and permissions, and the names of their actions.

use mainstay_database::Event;
use mainstay_kernel::{OrganizationId, SessionId, UserId, Uuid};

/// Declares the audit actions, each with its name in the log.
macro_rules! actions {
    ($($(#[doc = $documentation:literal])+ $action:ident = $name:literal,)+) => {
        /// An audit action. The names are from OWASP's logging vocabulary, or in its style where it
        /// has none.
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

        /// Every audit action with its description, as rows of a Markdown table in alphabetical
        /// order.
        pub fn audit_vocabulary() -> Vec<String> {
            let mut rows = vec![$(format!("| `{}` | {} |", $name, concat!($($documentation),+).trim())),+];
            rows.sort();
            rows
        }
    };
}

actions! {
    /// A person signed in.
    LoginSuccess = "authn_login_success",
    /// A sign-in was refused.
    LoginFail = "authn_login_fail",
    /// Attempts are refused after too many failures. Recorded for the first refusal of an address
    /// in a quarter of an hour, with the number of earlier refusals that were not recorded.
    LoginFailMax = "authn_login_fail_max",
    /// A person re-authenticated.
    StepUpSuccess = "authn_step_up_success",
    /// A step-up was refused.
    StepUpFail = "authn_step_up_fail",
    /// A password was changed with the old password.
    PasswordChange = "authn_password_change",
    /// A password change was refused.
    PasswordChangeFail = "authn_password_change_fail",
    /// A password reset was requested.
    PasswordResetRequest = "authn_password_reset_request",
    /// A password was set with a token sent by e-mail.
    PasswordReset = "authn_password_reset",
    /// A password was rehashed with the current parameters.
    PasswordRehash = "authn_password_rehash",
    /// The password of a sign-in was correct, and a second factor was required.
    SecondFactorRequired = "authn_second_factor_required",
    /// A second factor was accepted.
    SecondFactorSuccess = "authn_second_factor_success",
    /// The setup of a second factor was started.
    SecondFactorStarted = "authn_second_factor_begun",
    /// A second factor was added to an account.
    SecondFactorEnrolled = "authn_second_factor_enrolled",
    /// A second factor was removed by its owner.
    SecondFactorRemoved = "authn_second_factor_removed",
    /// An operator removed all second factors of an account.
    SecondFactorsReset = "authn_second_factors_reset",
    /// Recovery codes were created and replaced older ones.
    RecoveryCodesCreated = "authn_recovery_codes_created",
    /// A passkey was renamed.
    PasskeyRenamed = "authn_passkey_renamed",
    /// The counter of a passkey went backwards: it may have been cloned.
    PasskeyCloned = "authn_passkey_counter_regression",
    /// A token or key was issued.
    TokenCreated = "authn_token_created",
    /// A token, key or session was revoked.
    TokenRevoked = "authn_token_revoked",
    /// A refresh token or an authorization code was used again after it was exchanged: it may be
    /// stolen.
    TokenReuse = "authn_token_reuse",
    /// An external identity was linked to an account.
    ExternalIdentityLinked = "authn_external_identity_linked",
    /// An external identity could not be linked.
    ExternalIdentityLinkFail = "authn_external_identity_link_fail",
    /// An external identity was unlinked from an account.
    ExternalIdentityUnlinked = "authn_external_identity_unlinked",
    /// A session was refreshed.
    SessionRenewed = "session_renewed",
    /// A session was moved to another organization.
    SessionMoved = "session_moved",
    /// A sign-up was requested.
    SignUpRequest = "user_sign_up_request",
    /// An account was created.
    UserCreated = "user_created",
    /// A change of address was requested.
    EmailChangeRequest = "user_email_change_request",
    /// An account was changed.
    UserUpdated = "user_updated",
    /// An account was deactivated.
    UserArchived = "user_archived",
    /// An account was activated again.
    UserRestored = "user_restored",
    /// A person exported the data of their account.
    UserExported = "user_exported",
    /// An account was deleted.
    UserDeleted = "user_deleted",
    /// The first key that signs access tokens was created.
    SigningKeyCreated = "signing_key_created",
    /// A new key that signs access tokens was created to replace the previous one.
    SigningKeyRotated = "signing_key_rotated",
    /// A key that signs access tokens was retired early, which revoked its tokens.
    SigningKeyRetired = "signing_key_retired",
    /// A person authorized an application.
    ClientAuthorized = "authn_client_authorized",
    /// A person withdrew the access of an application.
    ClientWithdrawn = "authn_client_withdrawn",
    /// An application was registered.
    ClientCreated = "oauth_client_created",
    /// An operator changed whether an application is first-party.
    ClientUpdated = "oauth_client_updated",
    /// An application was deactivated.
    ClientDeactivated = "oauth_client_deactivated",
    /// A request was denied because a permission was missing.
    AuthzFail = "authz_fail",
    /// The rights of an account were changed.
    AuthzChange = "authz_change",
    /// An organization was created.
    OrganizationCreated = "organization_created",
    /// An organization was changed.
    OrganizationUpdated = "organization_updated",
    /// An organization was deleted.
    OrganizationDeleted = "organization_deleted",
    /// The ownership of an organization was transferred.
    OwnerChanged = "authz_admin",
    /// A member joined an organization.
    MembershipCreated = "membership_created",
    /// A member left an organization, or was removed.
    MembershipDeleted = "membership_deleted",
    /// A person was invited.
    InvitationCreated = "invitation_created",
    /// An invitation was withdrawn.
    InvitationDeleted = "invitation_deleted",
    /// A role was created.
    RoleCreated = "role_created",
    /// The permissions or the name of a role were changed.
    PermissionsChanged = "privilege_permissions_changed",
    /// A role was deleted.
    RoleDeleted = "role_deleted",
}

/// Creates an event about an account.
pub fn about_user(
    action: Action,
    user: Option<UserId>,
    organization: Option<OrganizationId>,
) -> Event {
    about(action, "user", user.map(UserId::uuid), organization)
}

/// Creates an event about a session.
pub fn about_session(
    action: Action,
    session: SessionId,
    organization: Option<OrganizationId>,
) -> Event {
    about(action, "session", Some(session.uuid()), organization)
}

/// Creates an event about a resource.
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
