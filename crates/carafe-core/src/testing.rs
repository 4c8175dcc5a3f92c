//! Virtual time on any loop, so that no test sleeps.
//!
//! [`Virtual`] wraps a recipe for a loop. Inside, the loop is the real one, with its threads and its
//! sockets; only the clock is another: it stands still while anybody has something to do, and jumps
//! to the next deadline when everybody waits. A day of timeouts passes at once, and a test that waits
//! for "until all others are blocked" says so with [`settle`].
//!
//! V1. `busy` counts the tasks that are being polled or have been woken and not been polled yet, and
//!     the closures on threads. A task counts from its spawn.
//! V2. Whoever brings `busy` to 0 moves the clock, before anything else can: it wakes those who
//!     settle, or else jumps to the next deadline, until somebody is busy or nothing is left to wake.
//!
//! What the wrapper cannot see is a socket: bytes on their way are nobody's work, so the clock may
//! jump past a deadline while they travel. Tests with both use the simulator's network.

mod counted;
mod timeline;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use self::counted::Counted;
use self::timeline::{Key, Timeline};
use crate::rt::{
    Blocking, Clock, ConnectOptions, Enter, EnterError, Job, ListenOptions, Meta, Net, Random,
    Runtime, Sleep, Spawn,
};

/// A recipe for a loop with a virtual clock.
#[derive(Debug, Clone)]
pub struct Virtual<L>(pub L);

impl<L: Enter> Enter for Virtual<L> {
    type Runtime = VirtualRuntime<L::Runtime>;

    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Self::Runtime) -> F,
        F: Future,
    {
        self.0.block_on(|inner: L::Runtime| {
            let timeline = Arc::new(Timeline::new(inner.now(), inner.wall_now()));
            let rt = VirtualRuntime { inner, timeline: timeline.clone() };
            Counted::new(timeline, main(rt))
        })
    }
}

/// A runtime whose clock is virtual; see [`Virtual`].
#[derive(Clone)]
pub struct VirtualRuntime<R> {
    inner: R,
    timeline: Arc<Timeline>,
}

impl<R: Runtime> VirtualRuntime<R> {
    /// The loop's own runtime, with the real clock.
    pub fn inner(&self) -> &R {
        &self.inner
    }
}

/// Waits until every other task of the loop waits for something and no closure is on a thread.
///
/// Those who settle wake before the clock jumps, all together.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
pub fn settle<R: Runtime>(rt: &VirtualRuntime<R>) -> Settle {
    Settle { timeline: rt.timeline.clone(), key: None }
}

/// The future of [`settle`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Settle {
    timeline: Arc<Timeline>,
    key: Option<u64>,
}

impl Future for Settle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        match self.key {
            None => {
                self.key = Some(timeline.add_settler(cx.waker()));
                Poll::Pending
            }
            Some(key) if timeline.is_settling(key, cx.waker()) => Poll::Pending,
            Some(_) => {
                self.key = None;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.timeline.remove_settler(key);
        }
    }
}

impl<R: Runtime> Runtime for VirtualRuntime<R> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
}

impl<R: Runtime> Spawn for VirtualRuntime<R> {
    fn spawn_detached<F>(&self, meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.inner.spawn_detached(meta, Counted::new(self.timeline.clone(), task));
    }
}

impl<R: Runtime> Clock for VirtualRuntime<R> {
    type Sleep = VirtualSleep;

    fn now(&self) -> Instant {
        self.timeline.now()
    }

    fn wall_now(&self) -> SystemTime {
        self.timeline.wall_now()
    }

    fn sleep_until(&self, deadline: Instant) -> VirtualSleep {
        VirtualSleep { timeline: self.timeline.clone(), deadline, key: None }
    }
}

impl<R: Runtime> Random for VirtualRuntime<R> {
    fn fill_random(&self, buf: &mut [u8]) {
        self.inner.fill_random(buf);
    }
}

impl<R: Runtime> Blocking for VirtualRuntime<R> {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        let busy = self.timeline.begin_work();
        self.inner.spawn_blocking(Box::new(move || {
            job();
            // After the job: whom it has woken is counted by now.
            drop(busy);
        }))
    }
}

impl<R: Runtime> Net for VirtualRuntime<R> {
    type TcpStream = R::TcpStream;
    type TcpListener = R::TcpListener;

    fn bind(
        &self,
        addr: SocketAddr,
        options: ListenOptions,
    ) -> impl Future<Output = io::Result<Self::TcpListener>> + Send {
        self.inner.bind(addr, options)
    }

    fn connect(
        &self,
        addr: SocketAddr,
        options: ConnectOptions,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send {
        self.inner.connect(addr, options)
    }

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.inner.resolve(host, port)
    }
}

impl<R: fmt::Debug> fmt::Debug for VirtualRuntime<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Virtual").field(&self.inner).finish()
    }
}

/// A sleep on the virtual clock.
#[derive(Debug)]
pub struct VirtualSleep {
    timeline: Arc<Timeline>,
    deadline: Instant,
    key: Option<Key>,
}

impl VirtualSleep {
    fn forget(&mut self) {
        if let Some(key) = self.key.take() {
            self.timeline.remove_sleep(key);
        }
    }
}

impl Future for VirtualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.timeline.now() >= self.deadline {
            self.forget();
            return Poll::Ready(());
        }
        let key = self.timeline.add_sleep(self.deadline, self.key, cx.waker());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Sleep for VirtualSleep {
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.forget();
        self.deadline = deadline;
    }
}

impl Drop for VirtualSleep {
    fn drop(&mut self) {
        self.forget();
    }
}
