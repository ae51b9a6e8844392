//! A private Postgres over TLS, for development and for tests.
//!
//! [`Cluster::start`] creates a data directory, certificates, two roles and a database, and runs
//! the server as a child process that ends with its owner, however the owner ends. [`throwaway`]
//! does the same for tests: nothing is synchronised to disk, and the directory is removed.
//!
//! It is not for production, sends no SQL to a running server, and supports Unix systems only.
//! Everything is synchronous and needs only the programs `initdb` and `postgres`:
//!
//! - [`Programs`] finds them, and [`Programs::find_or_fetch`] downloads them if they are not
//!   installed;
//! - [`Connection`] has the address and the passwords;
//! - [`default_data_dir`] returns the location of a project's cluster.
//!
//! ```no_run
//! use mainstay_devdb::{Cluster, Durability, Options, Programs, default_data_dir};
//! use mainstay_kernel::Random;
//!
//! # fn main() -> Result<(), mainstay_devdb::ClusterError> {
//! let programs = Programs::find(None)?;
//! let data_dir = default_data_dir(".".as_ref())?;
//! let options = Options { data_dir, port: None, durability: Durability::Durable };
//! let cluster = Cluster::start(&programs, &options, &Random::default())?;
//! let connection = cluster.connection();
//! let url = connection.url(&connection.owner, &connection.database);
//! # drop(url);
//! cluster.stop()
//! # }
//! ```

mod bootstrap;
mod certificates;
mod cluster;
mod connection;
mod directory;
mod durability;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod layout;
mod owner;
mod ports;
mod postmaster;
mod programs;
mod reaper;
mod search;
mod settings;
mod site;
mod state;
mod throwaway;

pub use cluster::{Cluster, Options};
pub use connection::{Connection, Role};
pub use directory::{check_data_dir, default_data_dir};
pub use durability::Durability;
pub use error::ClusterError;
#[cfg(feature = "fetch")]
pub use fetch::Step;
pub use programs::{FindError, Programs};
pub use throwaway::throwaway;
