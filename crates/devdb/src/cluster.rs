//! The cluster itself: each step from a directory to a running server, in order. The steps have their own modules.

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

/// How often a start is repeated when another program was quicker to take the free port.
const PORT_ATTEMPTS: usize = 3;

/// What kind of cluster to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory for the cluster and all that belongs to it; made if it does not exist.
    pub data_dir: PathBuf,
    /// The TCP port. `None`: a free one, and the same again at later starts as long as it is free.
    pub port: Option<u16>,
    /// What becomes of the data.
    pub durability: Durability,
}

/// A running Postgres that ends with this value, or with this process if that is sooner.
pub struct Cluster {
    data_dir: PathBuf,
    connection: Connection,
    server: Child,
    // Fields are dropped in this order: the lock is the last to go.
    reaper: Reaper,
    _lock: File,
}

impl Cluster {
    /// Starts the cluster of `options.data_dir`, and makes it first if it does not exist yet.
    ///
    /// A server that a killed run left behind there is stopped first. Root starts the server as the account `postgres`
    /// or `nobody`. Takes about a second the first time, and some tens of milliseconds later.
    ///
    /// # Errors
    /// [`ClusterError::InUse`] when another living process has the directory open; see [`ClusterError`] for the rest.
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

    /// How to reach it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Where its files are, `postgres.log` among them: an absolute path without symbolic links.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops the server, cutting off whoever is connected, and waits until it is gone. Dropping does the same, silently.
    ///
    /// # Errors
    /// [`ClusterError::DidNotStop`] when it had to be killed; a later start recovers what was committed.
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
        // After `stop` there is nothing left to do, and otherwise nobody left to tell of a failure.
        self.shut_down().ok();
    }
}

/// Starts the server on a port that may be taken away between its choice and its use: then on another one.
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
                // The process is gone and its number free for anybody, whom the reaper must not stop.
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
