//! The reader of settings. It records the settings that were read and their errors.

mod secrets;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
};

use mainstay_kernel::{ExposeSecret as _, SecretString};

use crate::{
    ConfigError, Entry, Environment, Fallback, Setting, SettingOrigin, SettingProblem,
    names::{PREFIX, file_variable_of, misspelt, variable_of},
};

/// Reads settings, and records what was read and what was wrong.
///
/// ```
/// use mainstay_config::Reader;
/// use std::time::Duration;
///
/// let mut settings = Reader::new([("MAINSTAY_HTTP_TIMEOUT".to_owned(), "5s".to_owned())]);
/// let timeout = settings.or("http.timeout", Duration::from_secs(30), "How long a request may take.");
/// assert_eq!(timeout, Duration::from_secs(5));
/// settings.finish()?;
/// # Ok::<(), mainstay_config::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    /// By variable. All values are treated as secrets, because it is not known yet which of them
    /// are.
    environment: BTreeMap<String, SecretString>,
    /// The first has precedence.
    layers: Vec<Layer>,
    entries: Vec<Entry>,
    problems: Vec<SettingProblem>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Layer {
    label: &'static str,
    values: BTreeMap<&'static str, SecretString>,
}

impl Reader {
    /// Creates a reader of these variables. Only those with the prefix `MAINSTAY_` are kept.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment = environment
            .into_iter()
            .filter(|(variable, _)| variable.starts_with(PREFIX))
            .map(|(variable, value)| (variable, value.into()))
            .collect();

        Self {
            environment,
            layers: Vec::new(),
            entries: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Creates a reader of this process's environment. Values that are not Unicode are reported as
    /// problems, where [`std::env::vars`] would panic.
    pub fn of_process() -> Self {
        Self::of_os_variables(std::env::vars_os())
    }

    fn of_os_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut not_unicode = Vec::new();
        let readable = variables.into_iter().filter_map(|(variable, value)| {
            let variable = variable.into_string().ok()?;
            match value.into_string() {
                Ok(value) => Some((variable, value)),
                Err(_) => {
                    not_unicode.push(variable);
                    None
                }
            }
        });

        let mut reader = Self::new(readable);
        for variable in not_unicode
            .into_iter()
            .filter(|variable| variable.starts_with(PREFIX))
        {
            reader.problem(variable.escape_debug().to_string(), "is not Unicode text");
        }

        reader
    }

    /// Adds a layer of values by dotted name. It has precedence over the defaults and over layers
    /// that are added later, but not over the environment.
    #[must_use]
    pub fn with_layer(
        mut self,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let values = values
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        self.layers.push(Layer { label, values });
        self
    }

    /// Reads the environment: production, the default, or development.
    pub fn environment(&mut self) -> Environment {
        self.or(
            "environment",
            Environment::default(),
            "The environment of the service; production refuses unsafe settings.",
        )
    }

    /// Reads a setting with a default. A value that cannot be parsed is a problem, which
    /// [`finish`](Self::finish) reports; the default is returned meanwhile.
    pub fn or<T: Setting>(&mut self, name: &'static str, default: T, help: &'static str) -> T {
        let fallback = Fallback::Value(default.show());
        self.setting(name, fallback, help).unwrap_or(default)
    }

    /// Reads an optional setting.
    pub fn optional<T: Setting>(&mut self, name: &'static str, help: &'static str) -> Option<T> {
        self.setting(name, Fallback::Unset, help)
    }

    /// Reads a required setting. If it is `None`, the problem is recorded already.
    pub fn required<T: Setting>(&mut self, name: &'static str, help: &'static str) -> Option<T> {
        self.setting(name, Fallback::Required, help)
    }

    /// Reads a required secret, from the variable or from the file in `…_FILE`. If it is `None`,
    /// the problem is recorded already.
    ///
    /// One line break at the end of the file is removed. A file that every user of the machine can
    /// read only leads to a [warning](Self::warnings), because that is how container platforms
    /// mount secrets by default.
    pub fn secret(&mut self, name: &'static str, help: &'static str) -> Option<SecretString> {
        self.read_secret(name, Fallback::Required, help)
    }

    /// Reads an optional secret; see [`secret`](Self::secret).
    pub fn optional_secret(
        &mut self,
        name: &'static str,
        help: &'static str,
    ) -> Option<SecretString> {
        self.read_secret(name, Fallback::Unset, help)
    }

    /// Records that a setting breaks a rule that its type cannot check, such as one about several
    /// settings.
    pub fn refuse(&mut self, name: &'static str, why: impl Into<String>) {
        self.problem(variable_of(name), why);
    }

    /// Reports all problems. Call it when all settings have been read: a `MAINSTAY_…` variable that
    /// has not been read counts as misspelt.
    ///
    /// # Errors
    /// All problems together.
    pub fn finish(&self) -> Result<(), ConfigError> {
        ConfigError::check(
            self.problems
                .iter()
                .cloned()
                .chain(self.unknown())
                .collect(),
        )
    }

    /// Reports the problems of the settings that were read, for a command that reads only some of
    /// them. Other variables in its environment may belong to other processes.
    ///
    /// # Errors
    /// All problems together.
    pub fn finish_part(&self) -> Result<(), ConfigError> {
        ConfigError::check(self.problems.clone())
    }

    /// Returns the settings if there are no problems.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn complete<T>(&self, settings: Option<T>) -> Result<T, ConfigError> {
        self.finish()?;
        settings.ok_or_else(ConfigError::empty)
    }

    /// The settings that were read, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Warnings for the operator, which do not prevent the start. They never contain values.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn setting<T: Setting>(
        &mut self,
        name: &'static str,
        fallback: Fallback,
        help: &'static str,
    ) -> Option<T> {
        let found = self
            .look_up(name)
            .map(|(text, origin)| (T::parse(text.expose_secret()), origin));

        let (parsed, origin) = match found {
            Some((Ok(value), origin)) => (Some(value), origin),
            Some((Err(why), origin)) => {
                let from = if let SettingOrigin::Layer(label) = origin {
                    format!(" (from {label})")
                } else {
                    String::new()
                };
                self.problem(
                    variable_of(name),
                    format!("{why}{from}; expected {}", T::KIND),
                );
                (None, origin)
            }
            None => {
                if fallback == Fallback::Required {
                    self.problem(
                        variable_of(name),
                        format!("is missing; expected {}", T::KIND),
                    );
                }
                (None, SettingOrigin::Default)
            }
        };

        let value = match (&parsed, &fallback) {
            (Some(value), _) => value.show(),
            (None, Fallback::Value(default)) if origin == SettingOrigin::Default => default.clone(),
            (None, _) if origin == SettingOrigin::Default => "[unset]".to_owned(),
            (None, _) => "[wrong]".to_owned(),
        };

        self.remember(Entry {
            name,
            variable: variable_of(name),
            value,
            origin,
            fallback,
            kind: T::KIND,
            secret: false,
            help,
        });

        parsed
    }

    /// Finds the text of a setting and its origin: first in the environment, then in the layers.
    fn look_up(&self, name: &str) -> Option<(SecretString, SettingOrigin)> {
        if let Some(text) = self.environment.get(&variable_of(name)) {
            return Some((text.clone(), SettingOrigin::Variable));
        }

        self.layers.iter().find_map(|layer| {
            Some((
                layer.values.get(name)?.clone(),
                SettingOrigin::Layer(layer.label),
            ))
        })
    }

    /// Records a setting, once even if several parts of the service read it.
    fn remember(&mut self, entry: Entry) {
        if !self.entries.iter().any(|known| known.name == entry.name) {
            self.entries.push(entry);
        }
    }

    /// Records a problem, once even if several parts of the service read the setting.
    fn problem(&mut self, variable: String, what: impl Into<String>) {
        let problem = SettingProblem {
            variable,
            what: what.into(),
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The variables, and names in layers, that have not been read.
    fn unknown(&self) -> Vec<SettingProblem> {
        let plain = self.entries.iter().map(|entry| entry.variable.clone());
        let files = self
            .entries
            .iter()
            .filter(|entry| entry.secret)
            .map(|entry| file_variable_of(&entry.variable));

        let known: BTreeSet<String> = plain.chain(files).collect();
        let layered = self
            .layers
            .iter()
            .flat_map(|layer| layer.values.keys().map(|name| variable_of(name)));
        let given: BTreeSet<String> = self.environment.keys().cloned().chain(layered).collect();

        given
            .difference(&known)
            .map(|variable| misspelt(variable, &known))
            .collect()
    }
}

#[cfg(test)]
mod tests;
