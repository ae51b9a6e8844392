//! Retention: the modules' rules, the setting that overrides them, and the periodic task that
//! enforces them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mainstay_config::{Reader, Setting as _};
use mainstay_database::{Database, Error, Retention};
use mainstay_jobs::Periodic;

/// Name and description of the setting.
const RULES: (&str, &str) = (
    "retention.rules",
    "Retention periods of tables that have a retention rule, such as `customers=1095d`; `off` disables the rule.",
);

/// How often the rules are enforced.
const EVERY: Duration = Duration::from_secs(3_600);

/// Retention periods by table, from the setting; `None` disables a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionSettings(BTreeMap<String, Option<Duration>>);

/// The setting names a table without a retention rule.
#[derive(Debug, thiserror::Error)]
#[error("MAINSTAY_RETENTION_RULES names the table {0}, which has no retention rule")]
pub struct UnknownRule(String);

impl RetentionSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let written: Vec<String> = reader.or(RULES.0, Vec::new(), RULES.1);
        let mut periods = BTreeMap::new();
        for rule in written {
            match parse(&rule) {
                Some((table, period)) => drop(periods.insert(table, period)),
                None => reader.refuse(
                    RULES.0,
                    format!("{rule:?} is not a rule such as customers=1095d or customers=off"),
                ),
            }
        }

        Self(periods)
    }

    /// Applies the periods to the modules' rules.
    ///
    /// # Errors
    /// [`UnknownRule`] if a period has no rule: the operator expects rows to be deleted that would
    /// stay.
    pub fn apply(
        &self,
        rules: impl IntoIterator<Item = Retention>,
    ) -> Result<Vec<Retention>, UnknownRule> {
        let mut unmatched: Vec<_> = self.0.keys().collect();
        let rules = rules
            .into_iter()
            .map(|rule| {
                unmatched.retain(|table| *table != rule.table());
                match self.0.get(rule.table()) {
                    Some(period) => rule.with_period(*period),
                    None => rule,
                }
            })
            .collect();

        unmatched
            .first()
            .map_or(Ok(rules), |table| Err(UnknownRule((*table).clone())))
    }
}

fn parse(rule: &str) -> Option<(String, Option<Duration>)> {
    let (table, period) = rule.split_once('=')?;
    let period = match period.trim() {
        "off" => None,
        period => Some(
            Duration::parse(period)
                .ok()
                .filter(|period| !period.is_zero())?,
        ),
    };
    Some((table.trim().to_owned(), period))
}

/// The periodic task that enforces the rules every hour.
pub(crate) fn upkeep(rules: Vec<Retention>) -> Periodic {
    for rule in &rules {
        metrics::counter!("retention_rows_total", "table" => rule.table()).increment(0);
    }

    let rules = Arc::new(rules);
    Periodic::new("retention", EVERY, move |database| {
        let rules = rules.clone();
        async move { enforce(&database, &rules).await }
    })
}

async fn enforce(database: &Database, rules: &[Retention]) -> Result<(), Error> {
    for rule in rules {
        let done = rule.enforce(database).await?;
        metrics::counter!("retention_rows_total", "table" => rule.table()).increment(done.rows);
        if done.rows > 0 || done.referred_to > 0 {
            tracing::info!(
                table = rule.table(),
                rows = done.rows,
                kept = done.referred_to,
                "enforced the retention period of a table"
            );
        }
    }

    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn valid_rules_are_parsed_and_invalid_ones_are_refused() {
        assert_eq!(
            parse("customers=30d"),
            Some(("customers".to_owned(), Some(30 * DAY)))
        );
        assert_eq!(
            parse(" customers = off"),
            Some(("customers".to_owned(), None))
        );
        for wrong in ["customers", "customers=", "customers=soon", "customers=0d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_period_without_a_rule_is_refused() {
        let settings = RetentionSettings(BTreeMap::from([("costumers".to_owned(), Some(DAY))]));
        assert!(
            settings
                .apply([])
                .unwrap_err()
                .to_string()
                .contains("costumers")
        );
        assert!(RetentionSettings::default().apply([]).unwrap().is_empty());
    }
}
