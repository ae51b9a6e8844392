//! The choice of a free TCP port on this machine.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    path::Path,
};

use crate::ClusterError;

const ATTEMPTS: usize = 20;

/// The port of the last time (0 for none) if it is still free, or else any free one.
///
/// Another program may take it before the server does; the caller must be ready for that.
pub(crate) fn choose(last: u16) -> Result<u16, ClusterError> {
    let failed = || ClusterError::io("find a free port on", Path::new("localhost"));
    if last != 0 && is_free(last) {
        return Ok(last);
    }

    for _ in 0..ATTEMPTS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed())?;
        let port = listener.local_addr().map_err(failed())?.port();
        drop(listener);
        if is_free(port) {
            return Ok(port);
        }
    }

    Err(failed()(ErrorKind::AddrInUse.into()))
}

/// Whether nobody listens on it at either address of `localhost`; where there is no IPv6, nobody does.
fn is_free(port: u16) -> bool {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].into_iter().all(
        |address| !matches!(TcpListener::bind((address, port)), Err(error) if error.kind() == ErrorKind::AddrInUse),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_until_somebody_else_has_it() {
        let port = choose(0).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(choose(port).unwrap(), port);
        drop(taken);
        assert_eq!(choose(port).unwrap(), port);
    }
}
