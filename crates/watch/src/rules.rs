//! The rules that the platform brings, and the statements behind them.
//!
//! Each statement slides its window over the moments of the events themselves, so that it finds the same whenever it
//! runs: every few seconds, or after an outage for all that was missed.

use std::time::Duration;

use crate::{By, LooksFor, Rule, Severity};

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

// Each statement is bounded on both sides by id, so that it reads its window by the primary key whatever the log's size,
// also under a plan for any values: of one bound alone Postgres expects a third of the log.

/// `$5`: patterns of actions.
pub(crate) const BURST_BY_ACCOUNT: &str = r"
    WITH recent AS (
        SELECT organization_id,
            coalesce(actor_id, CASE WHEN resource = 'user' THEN resource_id END) AS account,
            occurred_at
        FROM audit_events
        WHERE id >= audit_id_from($1 - make_interval(secs => $3))
          AND id < audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1 - make_interval(secs => $3)
          AND occurred_at <= $2
          AND action LIKE ANY ($5)
    ),
    counted AS (
        SELECT organization_id, account, occurred_at,
            count(*) OVER (
                PARTITION BY organization_id, account
                ORDER BY occurred_at RANGE BETWEEN make_interval(
                    secs => $3
                ) PRECEDING AND CURRENT ROW
            ) AS events
        FROM recent
        WHERE account IS NOT NULL
    )
    SELECT organization_id, account, NULL::text, max(occurred_at), max(events)
    FROM counted
    WHERE occurred_at > $1 AND events >= $4
    GROUP BY organization_id, account
";

/// `$5`: patterns of actions.
pub(crate) const BURST_BY_ADDRESS: &str = r"
    WITH recent AS (
        SELECT organization_id, address, occurred_at
        FROM audit_events
        WHERE id >= audit_id_from($1 - make_interval(secs => $3))
          AND id < audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1 - make_interval(secs => $3)
          AND occurred_at <= $2
          AND action LIKE ANY ($5)
    ),
    counted AS (
        SELECT organization_id, address, occurred_at,
            count(*) OVER (
                PARTITION BY organization_id, address
                ORDER BY occurred_at RANGE BETWEEN make_interval(
                    secs => $3
                ) PRECEDING AND CURRENT ROW
            ) AS events
        FROM recent
        WHERE address IS NOT NULL
    )
    SELECT organization_id, NULL::uuid, address, max(occurred_at), max(events)
    FROM counted
    WHERE occurred_at > $1 AND events >= $4
    GROUP BY organization_id, address
";

/// Against the mean and three standard deviations of those hours of the last 30 days in which the account saw anything
/// in clear. An account without such hours is measured by the threshold alone. Of the 30 days the newest 10,000 records
/// of the account are looked at, and only where there is a burst.
const REVEALS_ABOVE_HABIT: &str = r"
    WITH recent AS (
        SELECT organization_id, actor_id, occurred_at
        FROM audit_events
        WHERE id >= audit_id_from($1 - make_interval(secs => $3))
          AND id < audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1 - make_interval(secs => $3)
          AND occurred_at <= $2
          AND action LIKE '%.revealed'
          AND actor_id IS NOT NULL
    ),
    counted AS (
        SELECT organization_id, actor_id, occurred_at,
            count(*) OVER (
                PARTITION BY organization_id, actor_id
                ORDER BY occurred_at RANGE BETWEEN make_interval(
                    secs => $3
                ) PRECEDING AND CURRENT ROW
            ) AS events
        FROM recent
    ),
    bursts AS (
        SELECT organization_id, actor_id, max(occurred_at) AS last_at, max(events) AS events
        FROM counted
        WHERE occurred_at > $1 AND events >= $4
        GROUP BY organization_id, actor_id
    ),
    hours AS (
        SELECT b.organization_id, b.actor_id, count(*) AS events
        FROM bursts b
        CROSS JOIN LATERAL (
            SELECT organization_id, action, occurred_at
            FROM audit_events
            WHERE actor_id = b.actor_id
              AND id >= audit_id_from(b.last_at - interval '30 days')
              AND id < audit_id_from(b.last_at + interval '2 seconds')
            ORDER BY id DESC
            LIMIT 10000
        ) AS e
        WHERE e.action LIKE '%.revealed'
          AND e.organization_id IS NOT DISTINCT FROM b.organization_id
          AND e.occurred_at > b.last_at - interval '30 days'
          AND e.occurred_at <= b.last_at - make_interval(secs => $3)
        GROUP BY b.organization_id, b.actor_id,
            floor(extract(epoch FROM b.last_at - e.occurred_at) / $3)
    ),
    habits AS (
        SELECT organization_id, actor_id, avg(events) + 3 * stddev_pop(events) AS events
        FROM hours
        GROUP BY organization_id, actor_id
    )
    SELECT b.organization_id, b.actor_id, NULL::text, b.last_at, b.events
    FROM bursts b
    LEFT JOIN habits h ON h.actor_id = b.actor_id
        AND h.organization_id IS NOT DISTINCT FROM b.organization_id
    WHERE b.events > coalesce(h.events, 0)
";

/// A network is the first 24 bits of an IPv4 address and the first 48 of an IPv6 address, which are commonly one site's.
/// Whatever organization the earlier sign-ins went into, they are the account's.
///
/// The networks that an account knows are those of its newest thousand records before the sign-in. An account that has so
/// many has signed in before: who fills them up with failures makes a finding and hides none.
const SIGN_IN_FROM_NEW_NETWORK: &str = r"
    WITH sign_ins AS (
        SELECT id, organization_id, resource_id AS account, occurred_at,
            network(
                set_masklen(address::inet, CASE family(address::inet) WHEN 4 THEN 24 ELSE 48 END)
            ) AS network
        FROM audit_events
        WHERE id >= audit_id_from($1)
          AND id < audit_id_from($2 + interval '2 seconds')
          AND occurred_at > $1
          AND occurred_at <= $2
          AND action = 'authn_login_success'
          AND resource = 'user'
          AND address IS NOT NULL
    ),
    firsts AS (
        SELECT DISTINCT ON (account, network) id, organization_id, account, occurred_at, network
        FROM sign_ins
        ORDER BY account, network, occurred_at
    )
    SELECT organization_id, account, network::text, occurred_at, 1::bigint
    FROM firsts s
    WHERE CASE
        WHEN EXISTS (
            SELECT FROM (
                SELECT action, occurred_at, address
                FROM audit_events e
                WHERE e.resource_id = s.account AND e.id < s.id
                ORDER BY e.id DESC
                LIMIT 1000
            ) AS earlier
            WHERE action = 'authn_login_success'
              AND occurred_at > s.occurred_at - make_interval(secs => $3)
              AND address::inet <<= s.network
        ) THEN false
        ELSE (
            SELECT count(*) FILTER (WHERE action = 'authn_login_success') >= $4 OR count(*) = 1000
            FROM (
                SELECT action
                FROM audit_events e
                WHERE e.resource_id = s.account AND e.id < s.id
                ORDER BY e.id DESC
                LIMIT 1000
            ) AS earlier
        )
    END
";

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
