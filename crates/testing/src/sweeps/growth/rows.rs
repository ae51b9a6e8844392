//! Many rows in each collection.

use std::collections::BTreeMap;

use mainstay_database::Owner;
use serde_json::{Value, json};

use super::{copies::MANY, many_platform_rows};
use crate::sweeps::{operations::Operation, sweep::Sweep};

impl Sweep {
    /// Creates rows in all collections of these operations: up to 100, or as many as a limit
    /// allows.
    pub(super) async fn fill(&mut self, owner: &mut Owner, operations: &[Operation]) {
        let mut filled = BTreeMap::new();

        for operation in operations {
            let path = self.path_to_a_row(operation).await;
            for (collection, id) in collections(&path, operation) {
                if !id.is_empty() || !filled.contains_key(&collection) {
                    filled.insert(collection, (id, operation));
                }
            }
        }

        for (collection, (id, operation)) in &filled {
            let caller = self.actor(operation.allowed_role());
            let made = many_platform_rows::make(&self.app, owner, caller, collection, id).await;
            if !made {
                self.post_many(collection, operation).await;
            }
        }
    }

    /// Creates rows by POST, and gives each a value in all members that a PATCH can change. Where a
    /// limit stops it, it leaves room for one more.
    async fn post_many(&self, collection: &str, operation: &Operation) {
        let Some((creating, schema, _)) = self.creator_of(collection, None, operation) else {
            return;
        };

        let caller = self.caller(&creating);
        let changing = self.changer_in(&creating);
        let mut newest: Option<String> = None;

        for n in 1..MANY {
            let mut answer = caller
                .post(
                    collection,
                    varied(self.schemas.whole(&schema), &format!("many-{n}")),
                )
                .await;
            if answer.status != 201 {
                answer = caller.post(collection, self.schemas.least(&schema)).await;
            }

            if answer.status != 201 {
                if let Some(path) = &newest {
                    caller.delete(path).await;
                }
                return;
            }

            let path = newest.insert(answer.location().to_owned());
            if let Some(schema) = &changing {
                caller
                    .patch(
                        path,
                        varied(self.schemas.whole(schema), &format!("many-{n}")),
                    )
                    .await;
            }
        }
    }

    /// The schema of the PATCH on a row that this operation creates.
    fn changer_in(&self, creating: &Operation) -> Option<Value> {
        let changes = |it: &&Operation| {
            let (collection, last) = it.path.rsplit_once('/').unwrap_or_default();
            it.method == http::Method::PATCH && collection == creating.path && last.starts_with('{')
        };
        let changing = self.operations.iter().find(changes)?;
        Some(changing.body.as_ref()?.1.clone())
    }
}

/// The collections of a path, each with the id that follows it. That of the whole path is empty.
fn collections(path: &str, operation: &Operation) -> Vec<(String, String)> {
    let segments: Vec<_> = path.split('/').collect();
    let names = operation.path.split('/').enumerate();
    let ids = names.filter(|(_, name)| name.starts_with('{'));

    ids.map(|(place, _)| (segments[..place].join("/"), segments[place].to_owned()))
        .chain([(path.to_owned(), String::new())])
        .collect()
}

/// The body with another end of each name, since names are often unique.
pub(super) fn varied(mut body: Value, end: &str) -> Value {
    let members = body.as_object_mut().into_iter().flatten();
    for (name, value) in members {
        if name == "name" || name == "label" || name == "title" {
            *value = json!(format!("{}-{end}", value.as_str().unwrap_or_default()));
        }
    }

    body
}
