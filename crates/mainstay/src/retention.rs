//! How long rows are kept: the rules of modules, as a setting overrides them, and the upkeep that enforces them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mainstay_config::{Reader, Setting as _};
use mainstay_database::{Database, Error, Retention};
use mainstay_jobs::Periodic;

/// The setting.
const RULES: (&str, &str) = (
    "retention.rules",
    "How long rows are kept, by table, where a module has a rule: `customers=1095d`; `off` lets the rule rest.",
);

/// How often what is due is looked for.
const EVERY: Duration = Duration::from_secs(3_600);

/// Periods by table, as the setting has them; `None` lets a rule rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionSettings(BTreeMap<String, Option<Duration>>);

/// A period for a table that no module has a rule for.
#[derive(Debug, thiserror::Error)]
#[error("MAINSTAY_RETENTION_RULES names the table {0}, which no module has a rule for")]
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
                    format!("{rule:?} is no rule such as customers=1095d or customers=off"),
                ),
            }
        }

        Self(periods)
    }

    /// The rules as they are in force.
    ///
    /// # Errors
    /// [`UnknownRule`]: somebody believes that rows go, and they would not.
    pub fn apply(
        &self,
        rules: impl IntoIterator<Item = Retention>,
    ) -> Result<Vec<Retention>, UnknownRule> {
        let mut left: Vec<_> = self.0.keys().collect();
        let rules = rules
            .into_iter()
            .map(|rule| {
                left.retain(|table| *table != rule.table());
                match self.0.get(rule.table()) {
                    Some(period) => rule.with_period(*period),
                    None => rule,
                }
            })
            .collect();

        left.first()
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

/// The upkeep, hour by hour, for the worker.
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
                "rows whose time was over"
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
    fn rules_are_read_and_wrong_ones_refused() {
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
    fn a_period_without_a_rule_does_not_start() {
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
