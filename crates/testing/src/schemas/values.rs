//! Valid values for a JSON Schema.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Map, Value};

/// Generates values for the schemas of one document.
pub struct Schemas {
    components: Value,
    /// Ids of rows that values may refer to, by resource.
    rows: BTreeMap<String, String>,
    made: AtomicUsize,
}

/// Which members a generated object has.
#[derive(Clone, Copy)]
pub(super) enum Members {
    Required,
    All,
}

impl Schemas {
    /// Reads the schemas of an OpenAPI document.
    pub fn of(document: &Value) -> Self {
        let components = document["components"]["schemas"].clone();
        Self {
            components,
            rows: BTreeMap::new(),
            made: AtomicUsize::new(1),
        }
    }

    /// Uses the row `id` where a schema asks for the identifier of a `resource` (`x-resource`).
    pub fn refer_to(&mut self, resource: &str, id: &str) {
        self.rows.insert(resource.to_owned(), id.to_owned());
    }

    /// Whether a row of this resource is known.
    pub fn knows(&self, resource: &str) -> bool {
        self.rows.contains_key(resource)
    }

    /// The resources that values of a schema refer to.
    pub fn references(&self, schema: &Value) -> BTreeSet<String> {
        let plain = self.plain(schema);
        let members = plain["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, member)| member);

        let within = members
            .chain(plain.get("items"))
            .flat_map(|inner| self.references(inner));

        within
            .chain(plain["x-resource"].as_str().map(str::to_owned))
            .collect()
    }

    /// A value with its required members only.
    pub fn least(&self, schema: &Value) -> Value {
        self.value(schema, Members::Required)
    }

    /// A value with all its members.
    pub fn whole(&self, schema: &Value) -> Value {
        self.value(schema, Members::All)
    }

    /// Resolves references and takes the first alternative that is not null.
    pub fn plain(&self, schema: &Value) -> Value {
        let mut plain = schema.as_object().cloned().unwrap_or_default();
        let referred = plain.remove("$ref").and_then(|name| {
            let name = name.as_str()?.strip_prefix("#/components/schemas/")?;
            Some(self.plain(&self.components[name]))
        });
        let alternatives = ["anyOf", "oneOf"]
            .iter()
            .find_map(|keyword| plain.remove(*keyword));

        let alternatives = alternatives.as_ref().and_then(Value::as_array);
        if let Some(constants) =
            alternatives.and_then(|all| all.iter().map(|it| it.get("const").cloned()).collect())
        {
            plain.insert("enum".to_owned(), Value::Array(constants));
        }

        let first = alternatives.and_then(|all| all.iter().find(|it| it["type"] != "null"));
        for more in referred
            .into_iter()
            .chain(first.map(|schema| self.plain(schema)))
        {
            for (keyword, value) in more.as_object().into_iter().flatten() {
                plain.entry(keyword).or_insert_with(|| value.clone());
            }
        }

        Value::Object(plain)
    }

    fn value(&self, schema: &Value, members: Members) -> Value {
        let plain = self.plain(schema);
        if let Some(id) = plain["x-resource"]
            .as_str()
            .and_then(|resource| self.rows.get(resource))
        {
            return id.as_str().into();
        }

        let given = plain
            .get("const")
            .or_else(|| plain["enum"].get(0))
            .or_else(|| plain["examples"].get(0));

        match (given, type_of(&plain)) {
            // Every e-mail address is new, since two accounts may not share one.
            (_, _) if plain["format"] == "email" => self.new_email().into(),
            (Some(given), _) => given.clone(),
            (None, "object") => self.object(&plain, members),
            (None, "array") => {
                let items = (0..number(&plain, "minItems").unwrap_or(1))
                    .map(|_| self.value(&plain["items"], members));
                items.collect()
            }
            (None, "integer" | "number") => number(&plain, "minimum").unwrap_or(1).into(),
            (None, "boolean") => true.into(),
            (None, _) => text(&plain).into(),
        }
    }

    pub(super) fn object(&self, plain: &Value, members: Members) -> Value {
        let required = plain["required"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let properties = plain["properties"].as_object().into_iter().flatten();
        let wanted = properties.filter(|(name, _)| match members {
            Members::All => true,
            Members::Required => required.iter().any(|required| required == *name),
        });

        let made: Map<_, _> = wanted
            .map(|(name, schema)| (name.clone(), self.value(schema, members)))
            .collect();

        Value::Object(made)
    }

    fn new_email(&self) -> String {
        format!(
            "example-{}@example.org",
            self.made.fetch_add(1, Ordering::Relaxed)
        )
    }
}

/// The type; of two, the one that is not null.
pub(super) fn type_of(plain: &Value) -> &str {
    let types = plain["type"].as_array();
    let of_several = types.and_then(|types| types.iter().find(|name| *name != "null"));
    of_several
        .unwrap_or(&plain["type"])
        .as_str()
        .unwrap_or("string")
}

pub(super) fn number(plain: &Value, keyword: &str) -> Option<i64> {
    plain.get(keyword).and_then(Value::as_i64)
}

fn text(plain: &Value) -> String {
    let shortest = usize::try_from(number(plain, "minLength").unwrap_or(1).max(1)).unwrap_or(1);
    match plain["format"].as_str().unwrap_or_default() {
        "uuid" => "018f3b6c-0000-7000-8000-000000000000".to_owned(),
        "date" => "2001-12-31".to_owned(),
        "date-time" => "2001-12-31T12:00:00Z".to_owned(),
        "uri" => "https://example.org/".to_owned(),
        _ => "a".repeat(shortest),
    }
}
