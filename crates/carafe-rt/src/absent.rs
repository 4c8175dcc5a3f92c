//! The stand-in for a backend that is not compiled in.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use carafe_core::rt::{
    Blocking, ByteStream, Clock, ConnectOptions, Enter, EnterError, Job, ListenOptions, Listener,
    Meta, Net, Random, ReadBuf, Runtime, Signal, SignalStream, Signals, Sleep, Spawn,
};

/// A backend that cannot exist: it stands in the place of one whose feature is off.
///
/// It has every capability, because nobody can have a value to call them on; so the handle needs no
/// `#[cfg]` on its variants, and matches over them stay complete in every build.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code)] // where every backend is compiled in
pub(crate) enum Absent {}

impl Runtime for Absent {
    fn name(&self) -> &'static str {
        match *self {}
    }
}

impl Spawn for Absent {
    fn spawn_detached<F>(&self, _meta: Meta<'_>, _task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match *self {}
    }
}

impl Clock for Absent {
    type Sleep = Absent;

    fn now(&self) -> Instant {
        match *self {}
    }

    fn wall_now(&self) -> SystemTime {
        match *self {}
    }

    fn sleep_until(&self, _deadline: Instant) -> Absent {
        match *self {}
    }
}

impl Future for Absent {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}

impl Sleep for Absent {
    fn deadline(&self) -> Instant {
        match *self {}
    }

    fn reset(self: Pin<&mut Self>, _deadline: Instant) {
        match *self {}
    }
}

impl Random for Absent {
    fn fill_random(&self, _buf: &mut [u8]) {
        match *self {}
    }
}

impl Blocking for Absent {
    fn spawn_blocking(&self, _job: Job) -> io::Result<()> {
        match *self {}
    }
}

impl Net for Absent {
    type TcpStream = Absent;
    type TcpListener = Absent;

    async fn bind(&self, _addr: SocketAddr, _options: ListenOptions) -> io::Result<Absent> {
        match *self {}
    }

    async fn connect(&self, _addr: SocketAddr, _options: ConnectOptions) -> io::Result<Absent> {
        match *self {}
    }

    async fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        match *self {}
    }
}

impl Listener for Absent {
    type Stream = Absent;

    fn poll_accept(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Stream, SocketAddr)>> {
        match *self {}
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match *self {}
    }
}

impl ByteStream for Absent {
    fn poll_read(&mut self, _cx: &mut Context<'_>, _buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_write(&mut self, _cx: &mut Context<'_>, _buf: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_write_vectored(
        &mut self,
        _cx: &mut Context<'_>,
        _bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match *self {}
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match *self {}
    }
}

impl Signals for Absent {
    type Stream = Absent;

    fn signals(&self, _wanted: &[Signal]) -> io::Result<Absent> {
        match *self {}
    }
}

impl SignalStream for Absent {
    fn poll_signal(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Signal>> {
        match *self {}
    }
}

impl Enter for Absent {
    type Runtime = Absent;

    fn block_on<M, F>(self, _main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Absent) -> F,
        F: Future,
    {
        match self {}
    }
}
