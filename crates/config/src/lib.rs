//! Typed settings from `MAINSTAY_…` environment variables, secrets from files, and a list of everything that is wrong.
//!
//! A part of the service declares a setting by reading it: [`Reader::or`], [`Reader::required`], [`Reader::secret`].
//! Reading never fails on the spot. [`Reader::finish`] tells all problems at once, misspelt variables among them, so
//! that an operator mends a deployment in one round. What was read is also what is documented ([`reference()`]) and
//! shown ([`table`]); a secret's value is in neither.
//!
//! The name `http.bind` is the variable `MAINSTAY_HTTP_BIND`. A value is looked for in the environment, then in the
//! layers that a command hands in, then in the default. A secret may also stand in a file that `MAINSTAY_…_FILE` names,
//! as container platforms mount them (OWASP ASVS 5.0, 13.3.1).
//!
//! This is not a configuration file format, and nothing here is reloaded: a changed setting is a restart.

mod entry;
mod names;
mod problem;
mod reader;
mod report;
mod secret;
mod setting;
mod url;
mod values;

pub use entry::{Entry, Fallback, Origin};
pub use problem::{ConfigError, Problem};
pub use reader::Reader;
pub use report::{reference, table};
pub use setting::Setting;
pub use url::{BaseUrl, WebOrigin};
pub use values::{ByteSize, Environment, Ratio};
