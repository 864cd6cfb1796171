//! Free ports.

use std::net::TcpListener;

use anyhow::Result;

/// `N` different free ports of 127.0.0.1. Another program could take one before it is used, but
/// the kernel hands them out in turn.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All are bound before the first is released, or two could be the same.
    let listeners = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<Vec<_>, _>>()?;
    for (port, listener) in ports.iter_mut().zip(listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
