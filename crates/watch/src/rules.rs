//! The platform's rules. `queries.rs` contains the statements of those with their own.

use std::time::Duration;

use crate::{
    By, LooksFor, Rule, Severity,
    queries::{REVEALS_ABOVE_HABIT, SIGN_IN_FROM_NEW_NETWORK},
};

/// A rule of the platform, with the name and description of the setting for its threshold.
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
        help: "Requests by one account denied for missing permissions within 10 minutes; 0 disables the rule.",
        rule: Rule {
            name: "denials_by_account",
            message: "An account was repeatedly denied for missing permissions: it may be probing what it can access.",
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
        help: "Requests from one address denied for missing permissions within 10 minutes; 0 disables the rule.",
        rule: Rule {
            name: "denials_by_address",
            message: "Requests from one address were repeatedly denied for missing permissions, across all accounts.",
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
        help: "Failed authentications of one account within 15 minutes; 0 disables the rule.",
        rule: Rule {
            name: "sign_in_failures_by_account",
            message: "Sign-in, step-up or password change failed repeatedly: an attacker may know the password.",
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
        help: "Failed sign-ins from one address within 15 minutes; 0 disables the rule.",
        rule: Rule {
            name: "sign_in_failures_by_address",
            message: "Sign-ins from one address failed repeatedly: an attacker may be guessing passwords.",
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
        help: "Values revealed to one account in an hour, if unusual for it; 0 disables the rule.",
        rule: Rule {
            name: "reveals_above_habit",
            message: "An account revealed far more personal data within an hour than usual in the last 30 days.",
            looks_for: LooksFor::Query(REVEALS_ABOVE_HABIT),
            window: HOUR,
            threshold: 20,
            severity: Severity::High,
        },
    },
    BuiltIn {
        setting: "watch.sign_in_from_new_network",
        help: "Earlier sign-ins of an account before one from a new network is reported; 0 disables the rule.",
        rule: Rule {
            name: "sign_in_from_new_network",
            message: "An account signed in from a network that it has not used for a year.",
            looks_for: LooksFor::Query(SIGN_IN_FROM_NEW_NETWORK),
            window: Duration::from_secs(365 * 24 * 60 * MINUTES),
            threshold: 1,
            severity: Severity::Low,
        },
    },
    BuiltIn {
        setting: "watch.mass_export",
        help: "Exports by one account within an hour; 0 disables the rule.",
        rule: Rule {
            name: "mass_export",
            message: "An account exported the data of many people within an hour.",
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
        help: "Audited pages that one account reads within an hour; 0 disables the rule.",
        rule: Rule {
            name: "mass_reading",
            message: "An account read an unusual number of audited pages within an hour.",
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
        help: "Searches and sorts by sealed values of one account within an hour; 0 disables the rule.",
        rule: Rule {
            name: "sealed_values_compared",
            message: "An account repeatedly searched or sorted by sealed values: it may be guessing them.",
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
    fn every_statement_uses_all_its_parameters() {
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
    fn a_rule_and_its_setting_have_the_same_name() {
        for BuiltIn { setting, rule, .. } in &BUILT_IN {
            assert_eq!(*setting, format!("watch.{}", rule.name));
        }
    }
}
