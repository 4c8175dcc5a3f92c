//! A small network in memory: one host, its loopback interface, TCP.
//!
//! - [`pipe`]: bytes in one direction, bounded.
//! - [`stream`]: two pipes, one each way.
//! - [`listener`]: a queue of streams that wait to be accepted.
//!
//! Ports are handed out by counting, so a run that binds port 0 repeats.

mod listener;
mod pipe;
mod stream;

pub use listener::SimListener;
pub use stream::SimStream;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use carafe_core::rt::ListenOptions;

use crate::lock;
use crate::sim::Sim;
use listener::Backlog;

/// Who listens where.
#[derive(Debug, Default)]
pub(crate) struct Network {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The sockets that listen, in the order in which they were bound.
    sockets: BTreeMap<u64, Socket>,
    bound: u64,
    /// How many ports were handed out.
    ports: u16,
    /// How many connections were asked for: what takes turns among sockets that share a port.
    connects: usize,
}

#[derive(Debug)]
struct Socket {
    addr: SocketAddr,
    reuse_port: bool,
    backlog: Arc<Backlog>,
}

impl Network {
    pub(crate) fn bind(
        &self,
        sim: &Sim,
        mut addr: SocketAddr,
        options: ListenOptions,
    ) -> io::Result<SimListener> {
        if !addr.ip().is_loopback() && !addr.ip().is_unspecified() {
            return Err(error(io::ErrorKind::AddrNotAvailable, "the one host is the loopback's"));
        }
        let mut state = lock(&self.state);
        if addr.port() == 0 {
            addr.set_port(state.free_port()?);
        }
        let clashes = |socket: &Socket| {
            overlap(socket.addr, addr) && !(socket.reuse_port && options.reuse_port)
        };
        if state.sockets.values().any(clashes) {
            return Err(error(io::ErrorKind::AddrInUse, "a socket listens on this port"));
        }
        let backlog = Arc::new(Backlog::new(options.backlog));
        let socket = Socket { addr, reuse_port: options.reuse_port, backlog: backlog.clone() };
        state.bound += 1;
        let id = state.bound;
        state.sockets.insert(id, socket);
        Ok(SimListener::new(sim.clone(), id, addr, backlog))
    }

    pub(crate) async fn connect(&self, addr: SocketAddr) -> io::Result<SimStream> {
        let (addr, local, backlog) = self.route(addr)?;
        let (ours, theirs) = stream::pair(local, addr);
        backlog.offer(theirs).await?;
        Ok(ours)
    }

    pub(crate) fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        if host.eq_ignore_ascii_case("localhost") {
            let ips = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            return Ok(ips.map(|ip| SocketAddr::new(ip, port)).to_vec());
        }
        Err(error(io::ErrorKind::NotFound, "the simulated network knows no host of this name"))
    }

    /// Who answers at `addr`: the address that was meant, the caller's own, the queue to wait in.
    fn route(&self, addr: SocketAddr) -> io::Result<(SocketAddr, SocketAddr, Arc<Backlog>)> {
        // Like the systems do it: no address at all means this host.
        let ip = match addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        if !ip.is_loopback() {
            return Err(error(io::ErrorKind::NetworkUnreachable, "only the loopback is simulated"));
        }
        let addr = SocketAddr::new(ip, addr.port());
        let mut state = lock(&self.state);
        state.connects += 1;
        let turn = state.connects;
        let local = SocketAddr::new(ip, state.free_port()?);
        let open: Vec<_> = state.sockets.values().filter(|s| overlap(s.addr, addr)).collect();
        if open.is_empty() {
            return Err(error(io::ErrorKind::ConnectionRefused, "nobody listens on this port"));
        }
        let backlog = open[turn % open.len()].backlog.clone();
        Ok((addr, local, backlog))
    }

    /// Closes a listening socket: nobody finds it any more.
    fn unbind(&self, id: u64) {
        let socket = lock(&self.state).sockets.remove(&id);
        drop(socket);
    }
}

impl State {
    /// The next port that nobody listens on.
    fn free_port(&mut self) -> io::Result<u16> {
        for _ in 0..=EPHEMERAL {
            let port = u16::MAX - EPHEMERAL + self.ports % (EPHEMERAL + 1);
            self.ports = (self.ports + 1) % (EPHEMERAL + 1);
            if !self.sockets.values().any(|socket| socket.addr.port() == port) {
                return Ok(port);
            }
        }
        Err(error(io::ErrorKind::AddrInUse, "somebody listens on every port"))
    }
}

/// The ports that are handed out are the last so many (and one more): 49152 to 65535, as registered.
const EPHEMERAL: u16 = u16::MAX - 49152;

/// Whether two sockets would get the same connections.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let (ip, other) = (a.ip(), b.ip());
    a.port() == b.port()
        && ip.is_ipv4() == other.is_ipv4()
        && (ip == other || ip.is_unspecified() || other.is_unspecified())
}

fn error(kind: io::ErrorKind, why: &'static str) -> io::Error {
    io::Error::new(kind, why)
}
