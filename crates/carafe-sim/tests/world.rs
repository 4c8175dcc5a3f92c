//! What a test does to the simulated world.

use std::future::poll_fn;
use std::net::SocketAddr;

use carafe_core::rt::{
    ByteStream, ConnectOptions, Enter, ListenOptions, Listener, Net, Signal, SignalStream, Signals,
};
use carafe_sim::Sim;

#[test]
fn a_signal_is_heard_by_those_who_want_it() {
    let heard = Sim::fifo().block_on(|sim| async move {
        assert!(!sim.send_signal(Signal::Terminate), "nobody listens yet");
        let mut both = sim.signals(&[Signal::Interrupt, Signal::Terminate]).unwrap();
        let mut one = sim.signals(&[Signal::Interrupt]).unwrap();
        assert!(sim.send_signal(Signal::Terminate));
        assert!(sim.send_signal(Signal::Interrupt));
        let first = poll_fn(|cx| both.poll_signal(cx)).await.unwrap();
        let second = poll_fn(|cx| both.poll_signal(cx)).await.unwrap();
        let only = poll_fn(|cx| one.poll_signal(cx)).await.unwrap();
        drop((both, one));
        assert!(!sim.send_signal(Signal::Interrupt), "nobody listens any more");
        [first, second, only]
    });
    assert_eq!(heard.unwrap(), [Signal::Terminate, Signal::Interrupt, Signal::Interrupt]);
}

#[test]
fn ports_repeat_from_run_to_run() {
    let ports = || {
        Sim::seeded(9)
            .block_on(|sim| async move {
                let mut ports = Vec::new();
                for _ in 0..3 {
                    let any = SocketAddr::from(([127, 0, 0, 1], 0));
                    let listener = sim.bind(any, ListenOptions::default()).await.unwrap();
                    let addr = listener.local_addr().unwrap();
                    let stream = sim.connect(addr, ConnectOptions::default()).await.unwrap();
                    ports.push((addr.port(), stream.local_addr().unwrap().port()));
                }
                ports
            })
            .unwrap()
    };
    assert_eq!(ports(), ports());
}

#[test]
fn sockets_that_share_a_port_take_turns() {
    let accepted = Sim::fifo().block_on(|sim| async move {
        let shared = ListenOptions::default().reuse_port(true);
        let mut first = sim.bind(SocketAddr::from(([127, 0, 0, 1], 0)), shared).await.unwrap();
        let addr = first.local_addr().unwrap();
        let mut second = sim.bind(addr, shared).await.unwrap();
        for _ in 0..2 {
            drop(sim.connect(addr, ConnectOptions::default()).await.unwrap());
        }
        poll_fn(|cx| first.poll_accept(cx)).await.unwrap();
        poll_fn(|cx| second.poll_accept(cx)).await.unwrap();
    });
    accepted.unwrap();
}
