//! What members are told by mail of changes that concern them.

use mainstay_accounts::letters;
use mainstay_database::{Error, Job, Unscoped};
use mainstay_mail::Letter;

use super::target::TargetMember;

const ASK: &str = "If you did not expect this, ask an owner of the organization.";

/// Tells a member of another role.
pub(crate) fn tell_role_changed(
    unscoped: &Unscoped,
    member: &TargetMember,
    role: &str,
) -> Result<Option<Job>, Error> {
    let organization = &member.organization_name;
    let letter = Letter::new(format!("Your role in {organization} was changed"))
        .paragraph(format!(
            "Your role in the organization “{organization}” is now “{role}”."
        ))
        .footer(ASK);
    letters::to(&member.address(unscoped)?, &letter, unscoped)
}

/// Tells a member that they are one no longer.
pub(crate) fn tell_removed(
    unscoped: &Unscoped,
    member: &TargetMember,
) -> Result<Option<Job>, Error> {
    let organization = &member.organization_name;
    let letter = Letter::new(format!("You were removed from {organization}"))
        .paragraph(format!(
            "You no longer belong to the organization “{organization}”, and your sessions there were ended."
        ))
        .paragraph("Your account stays, and so do your other organizations.")
        .footer(ASK);
    letters::to(&member.address(unscoped)?, &letter, unscoped)
}

/// Tells the old owner what they gave away.
pub(crate) fn tell_owner_handed_over(
    unscoped: &Unscoped,
    member: &TargetMember,
) -> Result<Option<Job>, Error> {
    let organization = &member.organization_name;
    let letter = Letter::new(format!("You handed {organization} over"))
        .paragraph(format!(
            "The organization “{organization}” has another owner in your place, and your role in it is now “manager”."
        ))
        .paragraph("If that was not you, choose a new password at once, and ask the new owner to hand it back.");
    letters::to(&member.address(unscoped)?, &letter, unscoped)
}
