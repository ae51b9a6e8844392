//! A private Postgres over TLS, for development and for tests.
//!
//! [`Cluster::start`] makes a data directory, its certificates, its two roles and its database, and runs the server as
//! a child process that ends with its owner, however the owner ends. [`throwaway`] is the same for tests: nothing is
//! synchronised to disk and the directory is removed.
//!
//! It is not a way to run Postgres in production, it speaks no SQL to a running server, and it is for Unix systems.
//! Everything is synchronous and needs no more than the programs `initdb` and `postgres`:
//!
//! - [`Programs`] finds them, and [`Programs::find_or_fetch`] downloads them when they are not installed;
//! - [`Connection`] says how to reach the server and with which passwords;
//! - [`default_data_dir`] says where a project's cluster lives.
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
