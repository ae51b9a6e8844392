//! The audit record of a page.

use crate::{Entity, Filter, Order};

/// The audit record of a page.
pub(crate) struct PageRecord {
    pub(crate) verb: &'static str,
    pub(crate) asked: serde_json::Value,
    /// Whether sealed values are compared.
    pub(crate) compares: bool,
}

impl PageRecord {
    /// The record of a page with this filter and order. It names the sealed columns, but contains
    /// no values.
    pub(crate) fn of<E: Entity>(
        filter: &Filter<E>,
        order: &Order<E>,
        asked: Option<serde_json::Value>,
    ) -> Option<Self> {
        let sorted_by = order.sealed_column();
        let searched_by = filter.compared();
        let verb = match (searched_by, sorted_by) {
            ([], None) => {
                return asked.map(|asked| Self {
                    verb: "listed",
                    asked,
                    compares: false,
                });
            }
            ([], Some(_)) => "sorted",
            _ => "searched",
        };

        let mut members = asked
            .as_ref()
            .and_then(serde_json::Value::as_object)
            .cloned()
            .unwrap_or_default();

        if !searched_by.is_empty() {
            members.insert("searched_by".to_owned(), searched_by.into());
        }

        members.extend(sorted_by.map(|column| ("sorted_by".to_owned(), column.into())));

        Some(Self {
            verb,
            asked: members.into(),
            compares: true,
        })
    }
}
