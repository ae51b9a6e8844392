//! The ports of `dev`.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use anyhow::bail;
use mainstay_config::{BaseUrl, Reader};

use super::facts::Layer;

/// How far above the API health and metrics listen.
const ABOVE: u16 = 1_000;

/// The addresses of the API and of health and metrics, taken before anything is started that takes its time, and held
/// until the service takes them.
pub(super) struct Ports {
    api: TcpListener,
    management: TcpListener,
}

impl Ports {
    /// Takes `port` and the one 1,000 above, or free ones for port 0; what the environment says about addresses comes first.
    pub(super) fn take(port: u16) -> anyhow::Result<Self> {
        let management = if port == 0 { 0 } else { port + ABOVE };
        let mut reader = Reader::of_process().with_layer("dev", layer(port, management));
        let asked = mainstay_http::Settings::read(&mut reader);
        Ok(Self {
            api: listen(asked.bind)?,
            management: listen(asked.management)?,
        })
    }

    /// The settings that follow.
    pub(super) fn layer(&self) -> anyhow::Result<Layer> {
        Ok(layer(
            self.api.local_addr()?.port(),
            self.management.local_addr()?.port(),
        ))
    }
}

fn layer(port: u16, management: u16) -> Layer {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port)).to_string();
    vec![
        ("http.bind", address(port)),
        // By its name: browsers give an address no passkeys.
        ("http.public_url", BaseUrl::of_loopback(port).to_string()),
        // A page of another site whose name resolves to this machine is not answered: mail with its tokens is shown here.
        ("http.allowed_hosts", "localhost,127.0.0.1,[::1]".to_owned()),
        ("management.bind", address(management)),
    ]
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!(
                "{address} is taken, perhaps by another `dev`: choose another with --port, or a free one with --port 0"
            )
        }
        bound => Ok(bound.map_err(|error| anyhow::anyhow!("cannot listen on {address}: {error}"))?),
    }
}
