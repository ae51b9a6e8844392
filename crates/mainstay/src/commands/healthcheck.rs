//! `healthcheck`: checks whether a running service is ready.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use mainstay_config::Reader;

use super::output::complain;

const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let bound = mainstay_http::Settings::read(&mut Reader::of_process()).management;
    let status = status(reachable(bound)).context("the service does not respond")?;

    if status == 200 {
        return Ok(ExitCode::SUCCESS);
    }

    complain(&format!("the service is not ready ({status})"));
    Ok(ExitCode::FAILURE)
}

/// The loopback address if the service listens on every address.
fn reachable(bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port())
    } else {
        bound
    }
}

/// Requests `/readyz` and returns the HTTP status.
pub(super) fn status(address: SocketAddr) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;

    let mut response = [0; 12];
    stream.read_exact(&mut response)?;

    let text = std::str::from_utf8(&response)?;
    text.strip_prefix("HTTP/1.1 ")
        .and_then(|status| status.parse().ok())
        .context("the response is not HTTP")
}
