//! Reading of secrets, from variables or from files.

use std::path::PathBuf;

use mainstay_kernel::{ExposeSecret as _, SecretString};

use super::Reader;
use crate::{
    Entry, Fallback, SettingOrigin,
    names::{file_variable_of, variable_of},
    secret,
};

impl Reader {
    pub(super) fn read_secret(
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
            (Some((_, SettingOrigin::Variable)), Some(_)) => {
                self.problem(
                    variable.clone(),
                    format!("conflicts with {file_variable}; set only one of them"),
                );
                (None, SettingOrigin::Variable)
            }
            (_, Some(path)) => (
                self.read_secret_file(&file_variable, &path),
                SettingOrigin::File(path),
            ),
            (Some((text, origin)), None) => (self.not_empty(&variable, text), origin),
            (None, None) => {
                if fallback == Fallback::Required {
                    self.problem(
                        variable.clone(),
                        format!("is missing; expected a secret here or in {file_variable}"),
                    );
                }
                (None, SettingOrigin::Default)
            }
        };

        let value = if origin == SettingOrigin::Default {
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
                        "{file_variable}: every user of this machine can read {path:?}"
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
}
