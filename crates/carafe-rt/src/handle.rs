//! The loop that runs, as one type that does not say which loop it is.

mod boxed;
mod current;
mod dispatch;
mod net;
mod signals;
mod sleep;

use std::fmt;
use std::io;
use std::time::{Instant, SystemTime};

use carafe_core::rt::{Blocking, Clock, Job, Meta, Random, Runtime, Signals, Spawn};

use crate::backends::{async_std, sim, smol, tokio};
use boxed::Boxed;
use dispatch::on_backend;

pub use current::NoRun;
pub(crate) use current::{for_leaf, or_panic};
pub use net::{TcpListener, TcpStream};
pub use signals::HandleSignals;
pub use sleep::HandleSleep;

/// The event loop that a program runs on, whichever that is.
///
/// A handle is a [`Runtime`], so everything that is generic over one takes it. The backends that
/// Carafe comes with are dispatched by an enum: a spawn through the handle allocates what the loop
/// itself allocates, a sleep nothing.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use carafe_rt::Backend;
///
/// carafe_rt::run_on(Backend::tokio(), async {
///     let handle = carafe_rt::Handle::current();
///     println!("on {}", handle.name());
///     handle.sleep(Duration::from_millis(10)).await;
/// });
/// ```
#[derive(Clone)]
pub struct Handle(Inner);

/// Has a variant per backend in every build: a feature that is off makes the variant's type
/// uninhabited, so no match over the variants depends on features.
#[derive(Clone)]
pub(crate) enum Inner {
    Tokio(tokio::Runtime),
    Smol(smol::Runtime),
    AsyncStd(async_std::Runtime),
    Sim(sim::Runtime),
    Boxed(Boxed),
}

impl Handle {
    /// The handle of the run around the caller.
    ///
    /// # Panics
    ///
    /// Outside a run. [`try_current`](Handle::try_current) says so instead.
    #[track_caller]
    pub fn current() -> Handle {
        or_panic(Handle::try_current())
    }

    /// The handle of the run around the caller.
    ///
    /// # Errors
    ///
    /// [`NoRun`] outside a run; it names the call site, the compiled backends and the fix.
    #[track_caller]
    pub fn try_current() -> Result<Handle, NoRun> {
        match current::in_run() {
            Some(handle) => Ok(handle),
            None => Err(NoRun::here()),
        }
    }

    /// A handle for a runtime that Carafe does not know. It costs a box per task, sleep and socket.
    pub fn boxed(runtime: impl Runtime) -> Handle {
        Handle(Inner::Boxed(Boxed::new(runtime)))
    }

    /// A handle for a runtime that Carafe does not know, and that hears signals.
    pub fn boxed_with_signals(runtime: impl Runtime + Signals) -> Handle {
        Handle(Inner::Boxed(Boxed::with_signals(runtime)))
    }

    /// The backend's name, as cargo features and `CARAFE_RUNTIME` spell it.
    pub fn name(&self) -> &'static str {
        on_backend!(&self.0, Inner(rt) => rt.name())
    }

    /// Whether the backend has a capability that some lack.
    ///
    /// Where this is false, the capability's methods answer [`io::ErrorKind::Unsupported`].
    pub fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::Signals => signals::supported(&self.0),
        }
    }

    /// Calls `visitor` with the concrete runtime: code that is generic over one is compiled for each
    /// loop, and pays no dispatch inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use carafe_rt::{Backend, Handle, Visitor, rt::Runtime};
    ///
    /// struct Name;
    ///
    /// impl Visitor for Name {
    ///     type Out = &'static str;
    ///
    ///     fn visit<R: Runtime>(self, rt: &R) -> &'static str {
    ///         rt.name()
    ///     }
    /// }
    ///
    /// carafe_rt::run_on(Backend::smol(), async {
    ///     assert_eq!(Handle::current().visit(Name), "smol");
    /// });
    /// ```
    pub fn visit<V: Visitor>(&self, visitor: V) -> V::Out {
        on_backend!(&self.0, Inner(rt) => visitor.visit(rt))
    }
}

impl From<Inner> for Handle {
    fn from(inner: Inner) -> Self {
        Handle(inner)
    }
}

/// Work that is written for any runtime, and wants to be compiled for the one that runs.
pub trait Visitor {
    /// What [`Handle::visit`] returns.
    type Out;

    /// Does the work on `rt`.
    fn visit<R: Runtime>(self, rt: &R) -> Self::Out;
}

/// What a backend may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// [`Signals`]: hearing the signals that the process receives.
    Signals,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::Signals => "signals",
        })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.name()).finish()
    }
}

impl Runtime for Handle {
    fn name(&self) -> &'static str {
        Handle::name(self)
    }
}

impl Spawn for Handle {
    fn spawn_detached<F>(&self, meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        on_backend!(&self.0, Inner(rt) => rt.spawn_detached(meta, task));
    }
}

impl Clock for Handle {
    type Sleep = HandleSleep;

    fn now(&self) -> Instant {
        on_backend!(&self.0, Inner(rt) => rt.now())
    }

    fn wall_now(&self) -> SystemTime {
        on_backend!(&self.0, Inner(rt) => rt.wall_now())
    }

    fn sleep_until(&self, deadline: Instant) -> HandleSleep {
        HandleSleep::new(&self.0, deadline)
    }
}

impl Random for Handle {
    fn fill_random(&self, buf: &mut [u8]) {
        on_backend!(&self.0, Inner(rt) => rt.fill_random(buf));
    }

    fn random_u64(&self) -> u64 {
        on_backend!(&self.0, Inner(rt) => rt.random_u64())
    }
}

impl Blocking for Handle {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        on_backend!(&self.0, Inner(rt) => rt.spawn_blocking(job))
    }
}
