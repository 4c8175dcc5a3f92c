//! The handle's open variant: a backend that this crate does not know.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use carafe_core::rt::{
    Blocking, ByteStream, Clock, ConnectOptions, Job, ListenOptions, Listener, Meta, Net, Random,
    ReadBuf, Runtime, Signal, SignalStream, Signals, Sleep, Spawn,
};

/// Any runtime, behind a pointer.
///
/// Dispatch costs it a box per task, sleep and socket; the built-in backends pay none of these.
#[derive(Clone)]
pub(crate) struct Boxed {
    /// One thin pointer, because every nursery holds a clone of the handle.
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Box<dyn Erased>,
    /// Present where the backend hears signals.
    signals: Option<Box<dyn ErasedSignals>>,
}

impl Boxed {
    pub(crate) fn new(runtime: impl Runtime) -> Self {
        Boxed { shared: Arc::new(Shared { runtime: Box::new(runtime), signals: None }) }
    }

    pub(crate) fn with_signals<R: Runtime + Signals>(runtime: R) -> Self {
        let signals = Some(Box::new(runtime.clone()) as Box<dyn ErasedSignals>);
        Boxed { shared: Arc::new(Shared { runtime: Box::new(runtime), signals }) }
    }

    pub(crate) fn hears_signals(&self) -> bool {
        self.shared.signals.is_some()
    }
}

impl fmt::Debug for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.runtime.fmt(f)
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`Runtime`], in the form that a trait object can have.
trait Erased: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    fn spawn_detached(&self, meta: Meta<'_>, task: BoxFuture<'static, ()>);
    fn now(&self) -> Instant;
    fn wall_now(&self) -> SystemTime;
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>>;
    fn fill_random(&self, buf: &mut [u8]);
    fn random_u64(&self) -> u64;
    fn spawn_blocking(&self, job: Job) -> io::Result<()>;
    fn bind(
        &self,
        addr: SocketAddr,
        options: ListenOptions,
    ) -> BoxFuture<'_, io::Result<BoxedListener>>;
    fn connect(
        &self,
        addr: SocketAddr,
        options: ConnectOptions,
    ) -> BoxFuture<'_, io::Result<BoxedStream>>;
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

impl<R: Runtime> Erased for R {
    fn name(&self) -> &'static str {
        Runtime::name(self)
    }

    fn spawn_detached(&self, meta: Meta<'_>, task: BoxFuture<'static, ()>) {
        Spawn::spawn_detached(self, meta, task);
    }

    fn now(&self) -> Instant {
        Clock::now(self)
    }

    fn wall_now(&self) -> SystemTime {
        Clock::wall_now(self)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Clock::sleep_until(self, deadline))
    }

    fn fill_random(&self, buf: &mut [u8]) {
        Random::fill_random(self, buf);
    }

    fn random_u64(&self) -> u64 {
        Random::random_u64(self)
    }

    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        Blocking::spawn_blocking(self, job)
    }

    fn bind(
        &self,
        addr: SocketAddr,
        options: ListenOptions,
    ) -> BoxFuture<'_, io::Result<BoxedListener>> {
        Box::pin(async move { Ok(BoxedListener(Box::new(Net::bind(self, addr, options).await?))) })
    }

    fn connect(
        &self,
        addr: SocketAddr,
        options: ConnectOptions,
    ) -> BoxFuture<'_, io::Result<BoxedStream>> {
        Box::pin(async move { Ok(BoxedStream(Box::new(Net::connect(self, addr, options).await?))) })
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(Net::resolve(self, host, port))
    }
}

impl Runtime for Boxed {
    fn name(&self) -> &'static str {
        self.shared.runtime.name()
    }
}

impl Spawn for Boxed {
    fn spawn_detached<F>(&self, meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared.runtime.spawn_detached(meta, Box::pin(task));
    }
}

impl Clock for Boxed {
    type Sleep = BoxedSleep;

    fn now(&self) -> Instant {
        self.shared.runtime.now()
    }

    fn wall_now(&self) -> SystemTime {
        self.shared.runtime.wall_now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxedSleep {
        BoxedSleep(self.shared.runtime.sleep_until(deadline))
    }
}

impl Random for Boxed {
    fn fill_random(&self, buf: &mut [u8]) {
        self.shared.runtime.fill_random(buf);
    }

    fn random_u64(&self) -> u64 {
        self.shared.runtime.random_u64()
    }
}

impl Blocking for Boxed {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        self.shared.runtime.spawn_blocking(job)
    }
}

impl Net for Boxed {
    type TcpStream = BoxedStream;
    type TcpListener = BoxedListener;

    async fn bind(&self, addr: SocketAddr, options: ListenOptions) -> io::Result<BoxedListener> {
        self.shared.runtime.bind(addr, options).await
    }

    async fn connect(&self, addr: SocketAddr, options: ConnectOptions) -> io::Result<BoxedStream> {
        self.shared.runtime.connect(addr, options).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.shared.runtime.resolve(host, port).await
    }
}

/// A sleep of a boxed backend.
pub(crate) struct BoxedSleep(Pin<Box<dyn Sleep>>);

impl Future for BoxedSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Sleep for BoxedSleep {
    fn deadline(&self) -> Instant {
        self.0.deadline()
    }

    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0.as_mut().reset(deadline);
    }
}

/// A stream of a boxed backend.
pub(crate) struct BoxedStream(Box<dyn ByteStream>);

impl ByteStream for BoxedStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buf)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_shutdown(cx)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

/// A listener of a boxed backend.
pub(crate) struct BoxedListener(Box<dyn ErasedListener>);

/// [`Listener`], in the form that a trait object can have.
trait ErasedListener: Send {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(BoxedStream, SocketAddr)>>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

impl<L: Listener> ErasedListener for L {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(BoxedStream, SocketAddr)>> {
        Listener::poll_accept(self, cx)
            .map_ok(|(stream, peer)| (BoxedStream(Box::new(stream)), peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Listener::local_addr(self)
    }
}

impl Listener for BoxedListener {
    type Stream = BoxedStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(BoxedStream, SocketAddr)>> {
        self.0.poll_accept(cx)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// [`Signals`], in the form that a trait object can have.
trait ErasedSignals: Send + Sync {
    fn signals(&self, wanted: &[Signal]) -> io::Result<BoxedSignals>;
}

impl<R: Signals + Send + Sync> ErasedSignals for R {
    fn signals(&self, wanted: &[Signal]) -> io::Result<BoxedSignals> {
        Ok(BoxedSignals(Box::new(Signals::signals(self, wanted)?)))
    }
}

impl Signals for Boxed {
    type Stream = BoxedSignals;

    fn signals(&self, wanted: &[Signal]) -> io::Result<BoxedSignals> {
        match &self.shared.signals {
            Some(signals) => signals.signals(wanted),
            None => Err(super::signals::unsupported(self.shared.runtime.name())),
        }
    }
}

/// Signals of a boxed backend.
pub(crate) struct BoxedSignals(Box<dyn SignalStream>);

impl SignalStream for BoxedSignals {
    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Signal>> {
        self.0.poll_signal(cx)
    }
}
