//! The cluster: the steps from a directory to a running server, in order. Each step has its own
//! module.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Child,
};

use mainstay_kernel::{Clock, Random};

use crate::{
    ClusterError, Connection, Durability, Programs, Role, bootstrap, certificates,
    connection::{DATABASE, OWNER, SERVER},
    directory,
    layout::Layout,
    owner::ServerUser,
    ports, postmaster,
    reaper::Reaper,
    settings,
    site::Site,
    state::State,
};

/// Number of attempts to start if another program takes the free port first.
const PORT_ATTEMPTS: usize = 3;

/// The kind of cluster to start, and its location.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the cluster and all of its files. Created if it does not exist.
    pub data_dir: PathBuf,
    /// The TCP port. `None` chooses a free one, and the same at later starts while it is free.
    pub port: Option<u16>,
    /// Whether the data is kept.
    pub durability: Durability,
}

/// A running Postgres. It stops when this value is dropped or this process ends.
pub struct Cluster {
    data_dir: PathBuf,
    connection: Connection,
    server: Child,
    // Fields are dropped in this order, the lock last.
    reaper: Reaper,
    _lock: File,
}

impl Cluster {
    /// Starts the cluster in `options.data_dir`, and creates it if it does not exist yet.
    ///
    /// Stops a server that a killed run left behind there. Root starts the server as the account
    /// `postgres` or `nobody`. Takes about a second the first time, and some tens of milliseconds
    /// later.
    ///
    /// # Errors
    /// [`ClusterError::InUse`] if another running process uses the directory; see [`ClusterError`]
    /// for others.
    pub fn start(
        programs: &Programs,
        options: &Options,
        random: &Random,
    ) -> Result<Self, ClusterError> {
        let user = ServerUser::choose()?;
        let layout = Layout::of(directory::prepare(&options.data_dir, &user)?)?;
        let site = Site {
            programs,
            user,
            layout,
            durability: options.durability,
        };

        let lock = directory::lock(site.layout.root())?;
        if site.durability == Durability::Throwaway {
            directory::check_empty(site.layout.root())?;
        }

        let mut reaper = Reaper::start(&site.layout, site.durability)?;
        postmaster::stop_leftover(&site.layout)?;

        let mut state = if site.layout.cluster().exists() {
            bootstrap::check_version(&site)?;
            State::load(&site.layout)?
        } else {
            bootstrap::create(&site, &mut reaper, random)?
        };

        certificates::ensure(&site, &mut state, Clock::default().now())?;
        let server = serve(&site, options.port, &mut state, &mut reaper)?;
        let connection = connection(&site.layout, state);

        Ok(Self {
            data_dir: site.layout.root().to_owned(),
            connection,
            server,
            reaper,
            _lock: lock,
        })
    }

    /// The connection parameters.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The directory of its files, including `postgres.log`: an absolute path without symbolic
    /// links.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops the server, closes its connections, and waits until it has ended. Dropping does the
    /// same, but ignores errors.
    ///
    /// # Errors
    /// [`ClusterError::DidNotStop`] if it had to be killed. A later start recovers committed data.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), ClusterError> {
        self.reaper.release();
        postmaster::wait_until_gone(&mut self.server)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // After `stop` this has no effect; otherwise there is no one to report an error to.
        self.shut_down().ok();
    }
}

/// Starts the server. If another program takes the chosen port first, tries another one.
fn serve(
    site: &Site<'_>,
    fixed_port: Option<u16>,
    state: &mut State,
    reaper: &mut Reaper,
) -> Result<Child, ClusterError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        state.port = match fixed_port {
            Some(port) => port,
            None => ports::choose(state.port)?,
        };
        state.save(&site.layout)?;
        settings::write(site, state.port)?;

        let mut server = postmaster::spawn(site)?;
        if let Err(error) = reaper.watch(server.id()) {
            server.kill().and_then(|()| server.wait()).ok();
            return Err(error);
        }

        match postmaster::wait_until_ready(&site.layout, &mut server) {
            Ok(()) => return Ok(server),
            Err(ClusterError::DidNotStart { log, tail }) => {
                // The process has ended and its id may be reused, so the reaper must not stop it.
                reaper.forget()?;
                let port_taken = tail.contains("could not create any TCP/IP sockets");
                if fixed_port.is_some() || !port_taken || attempts == PORT_ATTEMPTS {
                    return Err(ClusterError::DidNotStart { log, tail });
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn connection(layout: &Layout, state: State) -> Connection {
    Connection {
        host: "localhost".to_owned(),
        port: state.port,
        owner: Role {
            name: OWNER.to_owned(),
            password: state.owner_password.into(),
        },
        server: Role {
            name: SERVER.to_owned(),
            password: state.server_password.into(),
        },
        database: DATABASE.to_owned(),
        ca_file: layout.authority(),
    }
}
