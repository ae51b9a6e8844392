//! The e-mails that notify members of changes to their membership.

use mainstay_accounts::letters;
use mainstay_database::{Error, Job, Sql};
use mainstay_mail::Letter;

use super::target::TargetMember;

const ASK: &str = "If you did not expect this, contact an owner of the organization.";

/// Notifies a member of a new role.
pub(crate) fn notify_role_changed(
    sql: &Sql,
    member: &TargetMember,
    role: &str,
) -> Result<Option<Job>, Error> {
    let organization = &member.organization_name;
    let letter = Letter::new(format!("Your role in {organization} was changed"))
        .paragraph(format!(
            "Your role in the organization “{organization}” is now “{role}”."
        ))
        .footer(ASK);
    letters::to(&member.address(sql)?, &letter, sql)
}

/// Notifies a person that they were removed from an organization.
pub(crate) fn notify_removed(sql: &Sql, member: &TargetMember) -> Result<Option<Job>, Error> {
    let organization = &member.organization_name;
    let letter = Letter::new(format!("You were removed from {organization}"))
        .paragraph(format!(
            "You are no longer a member of the organization “{organization}”. \
             Your sessions there have ended."
        ))
        .paragraph("Your account and your other organizations are not affected.")
        .footer(ASK);
    letters::to(&member.address(sql)?, &letter, sql)
}

/// Notifies the previous owner that the ownership was transferred.
pub(crate) fn notify_ownership_transferred(
    sql: &Sql,
    member: &TargetMember,
) -> Result<Option<Job>, Error> {
    let organization = &member.organization_name;
    let letter = Letter::new(format!("You transferred the ownership of {organization}"))
        .paragraph(format!(
            "You transferred the ownership of the organization “{organization}” \
             to another member. Your role is now “manager”."
        ))
        .paragraph(
            "If this was not you, change your password now, \
             and ask the new owner to transfer the ownership back.",
        );
    letters::to(&member.address(sql)?, &letter, sql)
}
