//! Finding a port to listen on, and telling who has it when it is taken.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use tokio::net::TcpListener;

/// Ports tried after the usual one before the kernel chooses.
const TRIES: u16 = 20;

/// Listens on `port`. Was it asked for by name (`given`), a taken port is an error that says who has it and what to do;
/// otherwise the next free one is taken.
pub(crate) async fn listen(address: IpAddr, port: u16, given: bool) -> anyhow::Result<TcpListener> {
    let first = TcpListener::bind(SocketAddr::new(address, port)).await;
    let error = match first {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    if error.kind() != ErrorKind::AddrInUse {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => "; ports below 1024 need privileges, choose a higher one with --port",
            ErrorKind::AddrNotAvailable => "; this machine has no such address, choose another with --address",
            _ => "",
        };
        return Err(error).with_context(|| format!("cannot listen on {address}:{port}{hint}"));
    }
    if given {
        let by = holder(port).map(|program| format!(" by {program}")).unwrap_or_default();
        let next = port.checked_add(1).unwrap_or(8080);
        anyhow::bail!("port {port} is taken{by}; stop that, or choose another: --port {next} (0 takes any free one)");
    }
    for next in (1..=TRIES).filter_map(|step| port.checked_add(step)) {
        if let Ok(listener) = TcpListener::bind(SocketAddr::new(address, next)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(SocketAddr::new(address, 0)).await.with_context(|| format!("no port is free on {address}"))
}

/// The program that listens on a port, such as `nginx (process 1234)`; `None` where it cannot be known, because it is
/// another user's or the system does not tell.
fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| listening_inode(line, port))
    })?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| link.as_os_str() == socket.as_str()) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {})", name.trim(), process.file_name().to_string_lossy()));
        }
    }
    None
}

/// Of a line of /proc/net/tcp: local address in the second column, state in the fourth (0A is LISTEN), inode in the tenth.
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let (_, local_port) = columns.get(1)?.split_once(':')?;
    let listens = *columns.get(3)? == "0A" && u16::from_str_radix(local_port, 16).ok()? == port;
    listens.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_explained_or_passed_over() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = listen(address, 0, true).await.expect("a port");
        let port = taken.local_addr().expect("bound").port();
        let error = listen(address, port, true).await.expect_err("it is taken").to_string();
        assert!(error.contains(&format!("port {port} is taken by")), "{error}");
        assert!(error.contains("--port"), "{error}");
        let other = listen(address, port, false).await.expect("another port");
        assert_ne!(other.local_addr().expect("bound").port(), port);
    }
}
