//! Values that break one rule of a schema each.

use serde_json::{Value, json};

use super::values::{Members, Schemas, number, type_of};

/// A value that breaks one rule of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The broken rule, as in `/email is too long`.
    pub what: String,
    /// The value.
    pub value: Value,
}

/// A member that no schema has.
const UNKNOWN: &str = "no_such_member";

impl Schemas {
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
}

/// Whether the schema allows any value, as `true` does.
fn allows_anything(plain: &Value) -> bool {
    ["type", "enum", "const", "properties", "items"]
        .iter()
        .all(|keyword| plain.get(keyword).is_none())
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
