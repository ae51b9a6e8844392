//! Choice of a free TCP port on this machine.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    path::Path,
};

use crate::ClusterError;

const ATTEMPTS: usize = 20;

/// Returns the last port (0 for none) if it is still free, otherwise another free one.
///
/// Another program may take the port before the server does; the caller must handle that.
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

/// Whether a port is free on both addresses of `localhost`. Without IPv6, it is free on the IPv6
/// address.
fn is_free(port: u16) -> bool {
    let is_taken = |address: IpAddr| {
        TcpListener::bind((address, port)).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    };

    !is_taken(Ipv4Addr::LOCALHOST.into()) && !is_taken(Ipv6Addr::LOCALHOST.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_until_another_program_takes_it() {
        let port = choose(0).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(choose(port).unwrap(), port);

        drop(taken);
        assert_eq!(choose(port).unwrap(), port);
    }
}
