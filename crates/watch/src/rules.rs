//! The rules that the platform brings. `queries.rs` holds the statements of those that have their own.

use std::time::Duration;

use crate::{
    By, LooksFor, Rule, Severity,
    queries::{REVEALS_ABOVE_HABIT, SIGN_IN_FROM_NEW_NETWORK},
};

/// A rule of the platform, with the setting of its threshold and that setting's meaning.
pub(crate) struct BuiltIn {
    pub(crate) setting: &'static str,
    pub(crate) help: &'static str,
    pub(crate) rule: Rule,
}

const MINUTES: u64 = 60;
const HOUR: Duration = Duration::from_secs(60 * MINUTES);

pub(crate) const BUILT_IN: [BuiltIn; 9] = [
    BuiltIn {
        setting: "watch.denials_by_account",
        help: "Refusals for want of a permission, of one account in 10 minutes, that are a finding; 0 turns the rule off.",
        rule: Rule {
            name: "denials_by_account",
            message: "An account was refused for want of a permission again and again: it may be trying what it can reach.",
            looks_for: LooksFor::Burst {
                of: &["authz_fail"],
                by: By::Account,
            },
            window: Duration::from_secs(10 * MINUTES),
            threshold: 20,
            severity: Severity::Medium,
        },
    },
    BuiltIn {
        setting: "watch.denials_by_address",
        help: "The same, from one address, whichever accounts they are of.",
        rule: Rule {
            name: "denials_by_address",
            message: "One address was refused for want of a permission again and again, under whichever accounts.",
            looks_for: LooksFor::Burst {
                of: &["authz_fail"],
                by: By::Address,
            },
            window: Duration::from_secs(10 * MINUTES),
            threshold: 50,
            severity: Severity::Medium,
        },
    },
    BuiltIn {
        setting: "watch.sign_in_failures_by_account",
        help: "Failures of one account to prove who it is, in 15 minutes, that are a finding; 0 turns the rule off.",
        rule: Rule {
            name: "sign_in_failures_by_account",
            message: "A second factor, a step-up or a change of password failed again and again: who tries may know the password.",
            looks_for: LooksFor::Burst {
                of: &[
                    "authn_login_fail",
                    "authn_step_up_fail",
                    "authn_password_change_fail",
                ],
                by: By::Account,
            },
            window: Duration::from_secs(15 * MINUTES),
            threshold: 10,
            severity: Severity::High,
        },
    },
    BuiltIn {
        setting: "watch.sign_in_failures_by_address",
        help: "Failed sign-ins from one address, in 15 minutes, that are a finding; 0 turns the rule off.",
        rule: Rule {
            name: "sign_in_failures_by_address",
            message: "Sign-ins from one address fail again and again: it may be trying passwords.",
            looks_for: LooksFor::Burst {
                of: &["authn_login_fail", "authn_login_fail_max"],
                by: By::Address,
            },
            window: Duration::from_secs(15 * MINUTES),
            threshold: 30,
            severity: Severity::Medium,
        },
    },
    BuiltIn {
        setting: "watch.reveals_above_habit",
        help: "Values that one account has to see in clear within an hour before its habit is looked at; 0 turns the rule off.",
        rule: Rule {
            name: "reveals_above_habit",
            message: "An account saw far more personal data in clear than in any hour of its last 30 days.",
            looks_for: LooksFor::Query(REVEALS_ABOVE_HABIT),
            window: HOUR,
            threshold: 20,
            severity: Severity::High,
        },
    },
    BuiltIn {
        setting: "watch.sign_in_from_new_network",
        help: "Sign-ins that an account must have had before one from a new network is a finding; 0 turns the rule off.",
        rule: Rule {
            name: "sign_in_from_new_network",
            message: "An account signed in from a network that it has not signed in from within a year.",
            looks_for: LooksFor::Query(SIGN_IN_FROM_NEW_NETWORK),
            window: Duration::from_secs(365 * 24 * 60 * MINUTES),
            threshold: 1,
            severity: Severity::Low,
        },
    },
    BuiltIn {
        setting: "watch.mass_export",
        help: "Exports by one account within an hour that are a finding; 0 turns the rule off.",
        rule: Rule {
            name: "mass_export",
            message: "An account exported the data of many within an hour.",
            looks_for: LooksFor::Burst {
                of: &["%.exported"],
                by: By::Account,
            },
            window: HOUR,
            threshold: 10,
            severity: Severity::High,
        },
    },
    BuiltIn {
        setting: "watch.mass_reading",
        help: "Recorded pages that one account reads within an hour that are a finding; 0 turns the rule off.",
        rule: Rule {
            name: "mass_reading",
            message: "An account read page after page of what is recorded when it is read.",
            looks_for: LooksFor::Burst {
                of: &["%.listed"],
                by: By::Account,
            },
            window: HOUR,
            threshold: 300,
            severity: Severity::Medium,
        },
    },
    BuiltIn {
        setting: "watch.sealed_values_compared",
        help: "Pages searched or sorted by sealed values by one account within an hour that are a finding; 0 turns the rule off.",
        rule: Rule {
            name: "sealed_values_compared",
            message: "An account searched or sorted by sealed values again and again: it may be reading them by trying.",
            looks_for: LooksFor::Burst {
                of: &["%.searched", "%.sorted"],
                by: By::Account,
            },
            window: HOUR,
            threshold: 100,
            severity: Severity::Medium,
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_uses_what_is_bound_to_it() {
        for BuiltIn { rule, .. } in &BUILT_IN {
            let last = if matches!(rule.looks_for, LooksFor::Burst { .. }) {
                5
            } else {
                4
            };

            for position in 1..=last {
                assert!(
                    rule.text().contains(&format!("${position}")),
                    "{}: ${position}",
                    rule.name
                );
            }

            assert!(
                !rule.text().contains(&format!("${}", last + 1)),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn a_rule_and_its_setting_have_one_name() {
        for BuiltIn { setting, rule, .. } in &BUILT_IN {
            assert_eq!(*setting, format!("watch.{}", rule.name));
        }
    }
}
