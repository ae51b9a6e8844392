//! What the modules of this room keep and for how long, and to whom they give personal data: what the record of processing
//! tells of them. What has run out is deleted by `upkeep.rs`.

use mainstay_http::{Module, Recipient};

/// Module, table, how long a row stays.
const KEPT: [(&str, &str, &str); 28] = [
    (
        "accounts",
        "mainstay.users",
        "until the account is deleted by its owner or an operator",
    ),
    (
        "accounts",
        "mainstay.unique_indexes",
        "as long as the account, or the identity of elsewhere, whose value it is",
    ),
    (
        "accounts",
        "mainstay.sign_ups",
        "an hour, until it is confirmed; deleted within ten minutes of its end",
    ),
    (
        "accounts",
        "mainstay.email_changes",
        "an hour, until it is confirmed; deleted within ten minutes of its end",
    ),
    (
        "sessions",
        "mainstay.sessions",
        "a day longer than it can be used",
    ),
    (
        "sessions",
        "mainstay.refresh_tokens",
        "as long as their session; spent ones 30 days",
    ),
    (
        "sessions",
        "mainstay.throttles",
        "a day after the last count, or until what is counted over weeks has leaked",
    ),
    (
        "sessions",
        "mainstay.refusals",
        "an hour after the last one that the audit log records",
    ),
    (
        "sessions",
        "mainstay.sign_in_places",
        "a year after the last sign-in from there",
    ),
    (
        "passwords",
        "mainstay.password_resets",
        "ten minutes; deleted within ten minutes of its end",
    ),
    (
        "second factors",
        "mainstay.totps",
        "until it is removed, or with the account",
    ),
    (
        "second factors",
        "mainstay.recovery_codes",
        "until they are replaced, or with the account",
    ),
    (
        "passkeys",
        "mainstay.passkeys",
        "until it is removed, or with the account",
    ),
    (
        "passkeys",
        "mainstay.webauthn_challenges",
        "five minutes; deleted with the next ones",
    ),
    (
        "external sign-in",
        "mainstay.external_identities",
        "until it is removed, or with the account",
    ),
    (
        "external sign-in",
        "mainstay.external_authorizations",
        "ten minutes; deleted with the next ones",
    ),
    (
        "organizations",
        "mainstay.organizations",
        "until its owner deletes it",
    ),
    (
        "members",
        "mainstay.memberships",
        "until the member leaves or is removed, or with the account",
    ),
    (
        "invitations",
        "mainstay.invitations",
        "seven days, until it is accepted or withdrawn; deleted within ten minutes of its end",
    ),
    ("roles", "mainstay.roles", "until it is deleted"),
    (
        "roles",
        "mainstay.role_permissions",
        "as long as their role",
    ),
    (
        "roles",
        "mainstay.permissions",
        "as long as the code declares them",
    ),
    (
        "api keys",
        "mainstay.api_keys",
        "until the account or the organization is deleted, also when it is revoked",
    ),
    (
        "service accounts",
        "mainstay.client_secrets",
        "until the account is deleted, also when it is revoked",
    ),
    (
        "oauth",
        "mainstay.oauth_clients",
        "permanently; an operator can deactivate it",
    ),
    (
        "oauth",
        "mainstay.oauth_grants",
        "until the person withdraws it, leaves the organization or deletes the account",
    ),
    (
        "oauth",
        "mainstay.authorization_codes",
        "a minute; deleted with the next ones, or with their session",
    ),
    (
        "keys",
        "mainstay.signing_keys",
        "until the last token that it signed has run out",
    ),
];

const MAIL_SERVER: Recipient = Recipient {
    who: "the mail server of `MAINSTAY_MAIL_SMTP_URL`",
    what: "addresses of accounts and of invited people, with the message",
    when: "when a message is sent",
};

const PROVIDERS: Recipient = Recipient {
    who: "the OpenID providers of `MAINSTAY_IDENTITY_OIDC_PROVIDERS`",
    what: "that a person signs in to this service; no data stored here",
    when: "when a person signs in with a provider",
};

/// Adds what a module keeps, and to whom it gives it.
pub(crate) fn told(module: Module) -> Module {
    let name = module.name();
    let kept = KEPT.iter().filter(|(of, _, _)| *of == name);
    let module = kept.fold(module, |module, (_, table, how)| module.keeping(table, how));
    match name {
        "accounts" => module.recipient(MAIL_SERVER),
        "external sign-in" => module.recipient(PROVIDERS),
        _ => module,
    }
}
