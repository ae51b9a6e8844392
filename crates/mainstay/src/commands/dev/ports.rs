//! The ports of `dev`.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use anyhow::bail;
use mainstay_config::{BaseUrl, Reader};

use super::facts::Layer;

/// Offset of the management port from the API's port.
const MANAGEMENT_OFFSET: u16 = 1_000;

/// Listeners that reserve the API's and the management port until the service binds them, so that a
/// port in use is reported before the slow steps of `dev`.
pub(super) struct Ports {
    api: TcpListener,
    management: TcpListener,
}

impl Ports {
    /// Reserves `port` and `port` + 1000, or free ports for 0. Addresses set in the environment
    /// take precedence.
    pub(super) fn take(port: u16) -> anyhow::Result<Self> {
        let management = if port == 0 {
            0
        } else {
            port + MANAGEMENT_OFFSET
        };
        let mut reader = Reader::of_process().with_layer("dev", layer(port, management));
        let settings = mainstay_http::Settings::read(&mut reader);

        Ok(Self {
            api: listen(settings.bind)?,
            management: listen(settings.management)?,
        })
    }

    /// Settings that name the reserved ports.
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
        // `localhost` rather than an IP address, for which browsers refuse passkeys.
        ("http.public_url", BaseUrl::of_loopback(port).to_string()),
        // Against DNS rebinding: `dev` shows mail, which holds tokens.
        ("http.allowed_hosts", "localhost,127.0.0.1,[::1]".to_owned()),
        ("management.bind", address(management)),
    ]
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!(
                "{address} is in use, perhaps by another `dev`: choose another --port, or --port 0 for a free one"
            )
        }
        bound => Ok(bound.map_err(|error| anyhow::anyhow!("cannot listen on {address}: {error}"))?),
    }
}
