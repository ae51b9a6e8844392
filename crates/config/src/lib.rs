//! Typed settings from `MAINSTAY_…` environment variables and secret files, with all errors
//! reported together.
//!
//! A part of the service declares a setting by reading it: [`Reader::or`], [`Reader::required`],
//! [`Reader::secret`]. Reading does not fail. [`Reader::finish`] reports all problems together,
//! including misspelt variables, so that an operator can fix them in one go. The settings that were
//! read are also documented ([`reference()`]) and displayed ([`table`]), without the values of
//! secrets.
//!
//! The setting `http.bind` has the variable `MAINSTAY_HTTP_BIND`. A value comes from the
//! environment, from the layers that a command adds, or from the default, in this order. A secret
//! may also come from a file whose path is in `MAINSTAY_…_FILE`, as container platforms mount them
//! (OWASP ASVS 5.0, 13.3.1).
//!
//! There is no configuration file, and settings are not reloaded: a change requires a restart.

mod entry;
mod names;
mod problem;
mod reader;
mod report;
mod secret;
mod setting;
mod url;
mod values;

pub use entry::{Entry, Fallback, SettingOrigin};
pub use problem::{ConfigError, SettingProblem};
pub use reader::Reader;
pub use report::{reference, table};
pub use setting::Setting;
pub use url::{BaseUrl, WebOrigin};
pub use values::{ByteSize, Environment, Ratio};
