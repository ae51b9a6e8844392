//! Reading settings: where a value is looked for, and what is noted on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::PathBuf,
};

use mainstay_kernel::{ExposeSecret, SecretString};

use crate::{
    ConfigError, Entry, Environment, Fallback, Origin, Problem, Setting,
    names::{PREFIX, file_variable_of, misspelt, variable_of},
    secret,
};

/// Reads settings and remembers what was read and what was wrong.
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
    /// By variable. Nobody knows yet which of them are secrets, so all are kept as if they were.
    environment: BTreeMap<String, SecretString>,
    /// The first wins.
    layers: Vec<Layer>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Layer {
    label: &'static str,
    values: BTreeMap<&'static str, SecretString>,
}

impl Reader {
    /// Reads from these variables; only those that begin with `MAINSTAY_` are kept.
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

    /// Reads from the environment of this process. A value that is not Unicode is a problem, where
    /// [`std::env::vars`] would panic.
    pub fn of_process() -> Self {
        Self::of_os_variables(std::env::vars_os())
    }

    fn of_os_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut garbled = Vec::new();
        let readable = variables.into_iter().filter_map(|(variable, value)| {
            let variable = variable.into_string().ok()?;
            match value.into_string() {
                Ok(value) => Some((variable, value)),
                Err(_) => {
                    garbled.push(variable);
                    None
                }
            }
        });

        let mut reader = Self::new(readable);
        for variable in garbled
            .into_iter()
            .filter(|variable| variable.starts_with(PREFIX))
        {
            reader.problem(variable.escape_debug().to_string(), "is not Unicode text");
        }

        reader
    }

    /// Puts values, by dotted name, below the environment and above the defaults. Of several layers the first wins.
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

    /// Whether this is production, the default, or development.
    pub fn environment(&mut self) -> Environment {
        self.or(
            "environment",
            Environment::default(),
            "What the service runs as; production refuses unsafe settings.",
        )
    }

    /// A setting with a default. A value that cannot be read is a problem, and the default stands in until
    /// [`finish`](Self::finish) tells it.
    pub fn or<T: Setting>(&mut self, name: &'static str, default: T, help: &'static str) -> T {
        let fallback = Fallback::Value(default.show());
        self.setting(name, fallback, help).unwrap_or(default)
    }

    /// A setting that may be left out.
    pub fn optional<T: Setting>(&mut self, name: &'static str, help: &'static str) -> Option<T> {
        self.setting(name, Fallback::Unset, help)
    }

    /// A setting without which the service does not start. `None` is already noted as a problem.
    pub fn required<T: Setting>(&mut self, name: &'static str, help: &'static str) -> Option<T> {
        self.setting(name, Fallback::Required, help)
    }

    /// A secret without which the service does not start, from the variable or from the file that `…_FILE` names.
    /// `None` is already noted as a problem.
    ///
    /// One line end at the file's end is trimmed. A file that every user of the machine can read only leads to a
    /// [warning](Self::warnings): container platforms mount secrets so unless told otherwise.
    pub fn secret(&mut self, name: &'static str, help: &'static str) -> Option<SecretString> {
        self.read_secret(name, Fallback::Required, help)
    }

    /// A secret that may be left out; see [`secret`](Self::secret).
    pub fn optional_secret(
        &mut self,
        name: &'static str,
        help: &'static str,
    ) -> Option<SecretString> {
        self.read_secret(name, Fallback::Unset, help)
    }

    /// Notes that a setting breaks a rule that its type cannot know, such as one across several settings.
    pub fn refuse(&mut self, name: &'static str, why: impl Into<String>) {
        self.problem(variable_of(name), why);
    }

    /// Tells everything that is wrong. To be called once every setting has been read: a `MAINSTAY_…` variable that
    /// nothing has read until then counts as misspelt.
    ///
    /// # Errors
    /// All problems at once.
    pub fn finish(&self) -> Result<(), ConfigError> {
        ConfigError::check(
            self.problems
                .iter()
                .cloned()
                .chain(self.unknown())
                .collect(),
        )
    }

    /// Tells what is wrong with the settings that were read, for a command that reads some of them: the other variables of
    /// its environment are those of other processes.
    ///
    /// # Errors
    /// All problems at once.
    pub fn finish_part(&self) -> Result<(), ConfigError> {
        ConfigError::check(self.problems.clone())
    }

    /// The settings that were put together, if nothing is wrong.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); a part is missing only where something was refused.
    pub fn complete<T>(&self, settings: Option<T>) -> Result<T, ConfigError> {
        self.finish()?;
        settings.ok_or_else(ConfigError::empty)
    }

    /// Every setting that was read, in that order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What an operator should look into although the service starts. Never holds a value.
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
                let from = if let Origin::Layer(label) = origin {
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
                (None, Origin::Default)
            }
        };

        let value = match (&parsed, &fallback) {
            (Some(value), _) => value.show(),
            (None, Fallback::Value(default)) if origin == Origin::Default => default.clone(),
            (None, _) if origin == Origin::Default => "[unset]".to_owned(),
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

    fn read_secret(
        &mut self,
        name: &'static str,
        fallback: Fallback,
        help: &'static str,
    ) -> Option<SecretString> {
        let variable = variable_of(name);
        let file_variable = file_variable_of(&variable);
        let file = self
            .environment
            .get(&file_variable)
            .map(|path| PathBuf::from(path.expose_secret()));

        let (secret, origin) = match (self.look_up(name), file) {
            (Some((_, Origin::Variable)), Some(_)) => {
                self.problem(
                    variable.clone(),
                    format!("is set, and {file_variable} too; only one of them may be"),
                );
                (None, Origin::Variable)
            }
            (_, Some(path)) => (
                self.read_secret_file(&file_variable, &path),
                Origin::File(path),
            ),
            (Some((text, origin)), None) => (self.not_empty(&variable, text), origin),
            (None, None) => {
                if fallback == Fallback::Required {
                    self.problem(
                        variable.clone(),
                        format!("is missing; expected a secret here or in {file_variable}"),
                    );
                }
                (None, Origin::Default)
            }
        };

        let value = if origin == Origin::Default {
            "[unset]"
        } else {
            "[secret]"
        }
        .to_owned();

        self.remember(Entry {
            name,
            variable,
            value,
            origin,
            fallback,
            kind: "a secret",
            secret: true,
            help,
        });

        secret
    }

    fn read_secret_file(
        &mut self,
        file_variable: &str,
        path: &std::path::Path,
    ) -> Option<SecretString> {
        match secret::read(path) {
            Ok(file) => {
                if file.world_readable {
                    self.warnings.push(format!(
                        "{file_variable} names {path:?}, which every user of the machine can read"
                    ));
                }
                self.not_empty(file_variable, file.secret)
            }
            Err(why) => {
                self.problem(file_variable.to_owned(), why);
                None
            }
        }
    }

    fn not_empty(&mut self, variable: &str, secret: SecretString) -> Option<SecretString> {
        if secret.expose_secret().is_empty() {
            self.problem(variable.to_owned(), "is empty; expected a secret");
            return None;
        }
        Some(secret)
    }

    /// The text of a setting and where it stands: the environment first, then the layers.
    fn look_up(&self, name: &str) -> Option<(SecretString, Origin)> {
        if let Some(text) = self.environment.get(&variable_of(name)) {
            return Some((text.clone(), Origin::Variable));
        }
        self.layers
            .iter()
            .find_map(|layer| Some((layer.values.get(name)?.clone(), Origin::Layer(layer.label))))
    }

    /// Two parts of the service may read the same setting; it is shown once.
    fn remember(&mut self, entry: Entry) {
        if !self.entries.iter().any(|known| known.name == entry.name) {
            self.entries.push(entry);
        }
    }

    /// Notes a problem, once, however many parts of the service read the setting.
    fn problem(&mut self, variable: String, what: impl Into<String>) {
        let problem = Problem {
            variable,
            what: what.into(),
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Variables, and names in layers, that nothing has read.
    fn unknown(&self) -> Vec<Problem> {
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
