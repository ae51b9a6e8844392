//! Valid and invalid values for a JSON Schema, for the bodies and parameters of any operation. It knows the keywords
//! that the platform's documents use and ignores others: a `pattern` without an `example` gets plain text, and the
//! sweep that sends it reports how the service answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Map, Value, json};

/// Generates values for the schemas of one document.
pub struct Schemas {
    components: Value,
    /// Ids of rows that values may refer to, by resource.
    rows: BTreeMap<String, String>,
    made: AtomicUsize,
}

/// A value that breaks one rule of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The broken rule, as in `/email is too long`.
    pub what: String,
    /// The value.
    pub value: Value,
}

/// Which members a generated object has.
#[derive(Clone, Copy)]
enum Members {
    Required,
    All,
}

/// A member that no schema has.
const UNKNOWN: &str = "no_such_member";

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

    /// Values that break one rule each, of the schema or of a schema inside it.
    pub fn violations(&self, schema: &Value) -> Vec<Violation> {
        let plain = self.plain(schema);
        if allows_anything(&plain) {
            return Vec::new();
        }

        let mut violations = vec![wrong_type(&plain)];
        match type_of(&plain) {
            "object" => self.broken_members(&plain, &mut violations),
            "array" => self.broken_items(&plain, &mut violations),
            "integer" | "number" => violations.extend(out_of_range(&plain)),
            _ => violations.extend(broken_text(&plain)),
        }

        violations
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

    fn object(&self, plain: &Value, members: Members) -> Value {
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

    fn broken_members(&self, plain: &Value, violations: &mut Vec<Violation>) {
        let whole = self.object(plain, Members::All);
        if plain["additionalProperties"] == false {
            let mut value = whole.clone();
            value[UNKNOWN] = 1.into();
            violations.push(Violation {
                what: format!("/{UNKNOWN} is unknown"),
                value,
            });
        }

        for name in plain["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let mut value = whole.clone();
            value
                .as_object_mut()
                .and_then(|members| members.remove(name));
            violations.push(Violation {
                what: format!("/{name} is missing"),
                value,
            });
        }

        for (name, schema) in plain["properties"].as_object().into_iter().flatten() {
            for inner in self.violations(schema) {
                let mut value = whole.clone();
                value[name] = inner.value;
                violations.push(Violation {
                    what: format!("/{name}{}", inner.what),
                    value,
                });
            }
        }
    }

    fn broken_items(&self, plain: &Value, violations: &mut Vec<Violation>) {
        for inner in self.violations(&plain["items"]) {
            violations.push(Violation {
                what: format!("/0{}", inner.what),
                value: json!([inner.value]),
            });
        }

        if let Some(most) = number(plain, "maxItems") {
            let items = (0..=most).map(|_| self.least(&plain["items"]));
            violations.push(Violation {
                what: " has too many items".to_owned(),
                value: items.collect(),
            });
        }
    }

    fn new_email(&self) -> String {
        format!(
            "example-{}@example.org",
            self.made.fetch_add(1, Ordering::Relaxed)
        )
    }
}

/// Whether the schema allows any value, as `true` does.
fn allows_anything(plain: &Value) -> bool {
    ["type", "enum", "const", "properties", "items"]
        .iter()
        .all(|keyword| plain.get(keyword).is_none())
}

/// The type; of two, the one that is not null.
fn type_of(plain: &Value) -> &str {
    let types = plain["type"].as_array();
    let of_several = types.and_then(|types| types.iter().find(|name| *name != "null"));
    of_several
        .unwrap_or(&plain["type"])
        .as_str()
        .unwrap_or("string")
}

fn number(plain: &Value, keyword: &str) -> Option<i64> {
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

fn wrong_type(plain: &Value) -> Violation {
    let value = match type_of(plain) {
        "object" => json!([]),
        "array" | "string" => json!({}),
        _ => json!("word"),
    };
    Violation {
        what: " has the wrong type".to_owned(),
        value,
    }
}

fn out_of_range(plain: &Value) -> Vec<Violation> {
    let beyond = [
        ("minimum", -1, " is too small"),
        ("maximum", 1, " is too large"),
    ];

    let ends = beyond.into_iter().filter_map(|(keyword, step, what)| {
        let value = number(plain, keyword)?.checked_add(step)?;
        Some(Violation {
            what: what.to_owned(),
            value: value.into(),
        })
    });

    let huge = Violation {
        what: " is larger than any integer type".to_owned(),
        value: json!(1.0e30),
    };

    ends.chain([huge]).collect()
}

fn broken_text(plain: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut add = |what: &str, value: String| {
        violations.push(Violation {
            what: what.to_owned(),
            value: value.into(),
        })
    };

    if let Some(longest) =
        number(plain, "maxLength").and_then(|length| usize::try_from(length).ok())
    {
        let tail = if plain["format"] == "email" {
            "@example.org"
        } else {
            ""
        };
        add(" is too long", "a".repeat(longest + 1 - tail.len()) + tail);
    }

    if let Some(shortest) =
        number(plain, "minLength").and_then(|length| usize::try_from(length).ok())
        && shortest > 0
    {
        add(" is too short", "a".repeat(shortest - 1));
    }

    if plain.get("enum").is_some() {
        add(" is not one of the choices", "no-such-word".to_owned());
    }

    match plain["format"].as_str() {
        // The format `password` has no syntax.
        None | Some("password") => {}
        Some(format) => add(
            &format!(" does not have the format {format}"),
            "no such format".to_owned(),
        ),
    }

    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas() -> Schemas {
        Schemas::of(&json!({ "components": { "schemas": {
            "Name": { "type": "string", "minLength": 3, "maxLength": 5 },
            "Mood": { "oneOf": [{ "const": "good", "type": "string" }, { "const": "bad", "type": "string" }] },
        } } }))
    }

    fn note() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["name"],
            "properties": {
                "name": { "$ref": "#/components/schemas/Name" },
                "mood": { "anyOf": [{ "$ref": "#/components/schemas/Mood" }, { "type": "null" }] },
                "count": { "type": ["integer", "null"], "minimum": 2, "maximum": 4 },
                "tags": { "type": "array", "items": { "type": "string", "maxLength": 2 }, "maxItems": 1 },
                "anything": true,
            },
        })
    }

    #[test]
    fn values_follow_the_rules() {
        assert_eq!(schemas().least(&note()), json!({ "name": "aaa" }));
        assert_eq!(
            schemas().whole(&note()),
            json!({ "name": "aaa", "mood": "good", "count": 2, "tags": ["a"], "anything": "a" })
        );
    }

    #[test]
    fn a_reference_names_a_known_row() {
        let mut schemas = schemas();
        let owner = json!({ "type": "string", "format": "uuid", "x-resource": "user", "examples": ["unknown"] });
        let schema = json!({ "type": "object", "properties": { "owners": { "type": "array", "items": owner } } });

        assert_eq!(
            schemas.references(&schema).into_iter().collect::<Vec<_>>(),
            ["user"]
        );

        schemas.refer_to("user", "id of a user");
        assert_eq!(
            schemas.whole(&schema),
            json!({ "owners": ["id of a user"] })
        );
    }

    #[test]
    fn each_violation_breaks_one_rule() {
        let found: Vec<_> = schemas()
            .violations(&note())
            .into_iter()
            .map(|it| it.what)
            .collect();

        let expected = [
            " has the wrong type",
            "/no_such_member is unknown",
            "/name is missing",
            "/name has the wrong type",
            "/name is too long",
            "/name is too short",
            "/mood has the wrong type",
            "/mood is not one of the choices",
            "/count is too small",
            "/count is too large",
            "/tags/0 is too long",
            "/tags has too many items",
        ];

        assert!(
            !found.iter().any(|it| it.starts_with("/anything")),
            "{found:?}"
        );

        for what in expected {
            assert!(
                found.iter().any(|it| it == what),
                "{what} is missing from {found:?}"
            );
        }
    }

    #[test]
    fn each_address_is_different() {
        let (schemas, email) = (schemas(), json!({ "type": "string", "format": "email" }));
        assert_ne!(schemas.least(&email), schemas.least(&email));
    }
}
