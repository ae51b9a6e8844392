//! The schemas of the API document.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The types of the API document. Each is defined once below `#/components/schemas` and referred to
/// from elsewhere.
pub(crate) struct Schemas {
    input: SchemaGenerator,
    output: SchemaGenerator,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings
        };

        Self {
            input: settings().for_deserialize().into_generator(),
            output: settings().for_serialize().into_generator(),
        }
    }

    pub(crate) fn input<T: JsonSchema>(&mut self) -> Schema {
        self.input.subschema_for::<T>()
    }

    pub(crate) fn output<T: JsonSchema>(&mut self) -> Schema {
        self.output.subschema_for::<T>()
    }

    /// The properties of an input type, and whether each is required. They become the parameters of
    /// a query string.
    pub(crate) fn properties<T: JsonSchema>(&mut self) -> Vec<(String, Schema, bool)> {
        let schema = T::json_schema(&mut self.input).to_value();
        let required = |name: &str| {
            schema["required"]
                .as_array()
                .is_some_and(|names| names.iter().any(|required| required == name))
        };

        let Some(properties) = schema["properties"].as_object() else {
            return Vec::new();
        };

        properties
            .iter()
            .filter_map(|(name, property)| {
                let property = Schema::try_from(property.clone()).ok()?;
                Some((name.clone(), property, required(name)))
            })
            .collect()
    }

    /// All types that were referred to.
    pub(crate) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.input.take_definitions(true);
        all.extend(self.output.take_definitions(true));
        all
    }
}
