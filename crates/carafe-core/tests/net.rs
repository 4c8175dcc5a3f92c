//! Sockets as they are bound for every real backend, and names as they are resolved.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use carafe_core::net;
use carafe_core::rt::{Blocking, Job, ListenOptions};

fn localhost(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[test]
fn a_listener_does_not_block() {
    let listener = net::listen(localhost(0), ListenOptions::default()).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn accepted_streams_inherit_nodelay_where_the_constant_says_so() {
    for wanted in [true, false] {
        let listener = net::listen(localhost(0), ListenOptions::default().nodelay(wanted)).unwrap();
        let _near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (far, _) = listener.accept().unwrap();
        let inherited = wanted && net::ACCEPTED_STREAMS_INHERIT_NODELAY;
        assert!(far.nodelay().unwrap() == inherited || cfg!(not(target_os = "linux")));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_is_shared_only_by_those_who_all_want_it() {
    let shared = ListenOptions::default().reuse_port(true);
    let first = net::listen(localhost(0), shared).unwrap();
    let addr = first.local_addr().unwrap();
    assert!(net::listen(addr, shared).is_ok());
    let alone = net::listen(addr, ListenOptions::default());
    assert_eq!(alone.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

/// A server that starts again gets its port, although connections of its predecessor linger.
#[cfg(unix)]
#[test]
fn a_port_is_free_again_at_once() {
    let listener = net::listen(localhost(0), ListenOptions::default()).unwrap();
    assert!(socket2::SockRef::from(&listener).reuse_address().unwrap());
}

/// A host without threads.
struct NoThreads;

impl Blocking for NoThreads {
    fn spawn_blocking(&self, _: Job) -> io::Result<()> {
        Err(io::ErrorKind::OutOfMemory.into())
    }
}

#[test]
fn an_address_is_its_own_answer() {
    for ip in [Ipv4Addr::new(10, 0, 0, 1).into(), Ipv6Addr::LOCALHOST.into()] {
        let found = resolve_now(&format!("{ip}")).unwrap();
        assert_eq!(found, [SocketAddr::new(ip, 80)]);
    }
}

#[test]
fn a_name_needs_a_thread_and_says_if_there_is_none() {
    assert_eq!(resolve_now("localhost").unwrap_err().kind(), io::ErrorKind::OutOfMemory);
}

fn resolve_now(host: &str) -> io::Result<Vec<SocketAddr>> {
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(found) = pin!(net::resolve(&NoThreads, host, 80)).poll(&mut cx) else {
        panic!("nobody could wake it");
    };
    found
}
