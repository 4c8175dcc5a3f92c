//! One run of a program: from entering the loop to the end of its last task.
//!
//! A run has a root, which is a nursery: it supervises the tasks that were spawned without a nursery
//! of their own, adopts what foreign code leaves behind, and is not closed before its last child has
//! gone. Beside it stands a second, for the run's own tasks (the driver of the timers), which is
//! cancelled when the root is closed.
//!
//! ```text
//!   Running ──request──▶ Draining ──begin_cancelling──▶ Cancelling ──last task──▶ ended
//! ```
//!
//! A run waits as long as something holds: that is the law. Only an entry point may end the process
//! over it, by its [hard stop](Runner::hard_stop).

mod error;
mod hard_stop;
mod main_task;
mod tree;

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use slab::Slab;

pub use error::RunError;

use self::hard_stop::HardStop;
use self::main_task::{End, MainTask, joined};
use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::Cause;
use crate::cancel::node::{Kind, Node};
use crate::context;
use crate::limiter::Limiter;
use crate::nursery::part::{Hook, NurseryPart};
use crate::nursery::{Child, ChildInfo, Failed, Live, panic_text};
use crate::rt::{Enter, EnterError, Meta, Runtime};
use crate::shutdown::Phases;
use crate::timers::{self, Timers};

/// How many closures may be on threads at a time, if nobody says otherwise.
const THREADS: usize = 40;

type OrphanHook = Box<dyn Fn(Box<dyn Any + Send>) + Send + Sync>;

/// What every node of a run shares.
pub(crate) struct Run {
    host: Box<dyn Host>,
    pub(crate) timers: Timers,
    pub(crate) limiter: Limiter,
    pub(crate) phases: Phases,
    pub(crate) hard_stop: HardStop,
    ambient: OnceLock<Arc<dyn Any + Send + Sync>>,
    on_orphan: Option<OrphanHook>,
    /// Weak: the roots lead to the run.
    roots: OnceLock<Roots>,
    /// The closures that are on threads now.
    threads: Mutex<Slab<ChildInfo>>,
}

struct Roots {
    root: Weak<Node>,
    system: Weak<Node>,
}

/// What a run needs of its loop, whose type it does not know.
trait Host: Send + Sync {
    fn now(&self) -> Instant;
    fn start_timers(&self, run: &Arc<Run>, system: Arc<Node>);
}

struct HostOf<R>(R);

impl<R: Runtime> Host for HostOf<R> {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn start_timers(&self, run: &Arc<Run>, system: Arc<Node>) {
        // Refused only when the run has ended, and its deadlines with it.
        let Some(live) = Live::new(&system) else { return };
        let (run, rt) = (run.clone(), self.0.clone());
        let driver = async move {
            timers::drive(run, rt).await;
            Ok::<(), Infallible>(())
        };
        let meta = Meta::here("timers");
        let info = ChildInfo { name: Some(Arc::new("timers".into())), location: meta.location };
        self.0.spawn_detached(meta, Child::of_run(live, info, driver));
    }
}

impl Run {
    pub(crate) fn now(&self) -> Instant {
        self.host.now()
    }

    /// The nursery that takes everybody; none when the run has ended.
    pub(crate) fn root(&self) -> Option<Arc<Node>> {
        self.roots.get()?.root.upgrade()
    }

    pub(crate) fn start_timers(self: &Arc<Self>) {
        if let Some(system) = self.roots.get().and_then(|roots| roots.system.upgrade()) {
            self.host.start_timers(self, system);
        }
    }

    pub(crate) fn threads(&self) -> MutexGuard<'_, Slab<ChildInfo>> {
        self.threads.lock().expect("nothing panics under the thread list's lock")
    }

    /// Passes on errors that no nursery can return any more.
    pub(crate) fn report_orphans(&self, failures: Vec<Failed>) {
        for failure in failures {
            match (failure, &self.on_orphan) {
                (Failed::Error(error), Some(hook)) => hook(error),
                (Failed::Error(_), None) => {
                    tracing::error!("a child of a nursery that is gone returned an error");
                }
                (Failed::Panic(payload), _) => {
                    tracing::error!(
                        "a child of a nursery that is gone panicked: {}",
                        panic_text(&payload)
                    );
                }
            }
        }
    }
}

/// Enters a loop and runs a program in it, with the law around.
pub struct Runner<L: Enter> {
    entry: L,
    ambient: Option<Ambient<L::Runtime>>,
    hard_stop: Option<Duration>,
    on_orphan: Option<OrphanHook>,
}

type Ambient<R> = Box<dyn FnOnce(&R) -> Arc<dyn Any + Send + Sync>>;

impl<L: Enter> Runner<L> {
    /// A runner that enters the loop through `entry`.
    pub fn new(entry: L) -> Self {
        Runner { entry, ambient: None, hard_stop: None, on_orphan: None }
    }

    /// Sets what [`ambient`] gives inside the run: a facade's erased handle to the runtime, say.
    pub fn ambient(
        mut self,
        make: impl FnOnce(&L::Runtime) -> Arc<dyn Any + Send + Sync> + 'static,
    ) -> Self {
        self.ambient = Some(Box::new(make));
        self
    }

    /// Ends the *process*, `after` the run began to cancel, if it has not ended by then: prints the
    /// live tree on stderr and exits with 1, or 128 + the number of the signal that asked for it.
    ///
    /// For entry points, which own the process. Off by default.
    pub fn hard_stop(mut self, after: Option<Duration>) -> Self {
        self.hard_stop = after;
        self
    }

    /// Sets who hears of errors that no nursery can return: those of adopted children, and those that
    /// came besides a panic. By default they are logged.
    pub fn on_orphan(mut self, hook: impl Fn(Box<dyn Any + Send>) + Send + Sync + 'static) -> Self {
        self.on_orphan = Some(Box::new(hook));
        self
    }

    /// Runs `main` and returns its value when every task of the run has ended.
    ///
    /// # Errors
    ///
    /// [`RunError`]: the loop could not be entered, or the run was cancelled before `main` had a
    /// value.
    ///
    /// # Panics
    ///
    /// With the panic of `main`, when every task has ended.
    #[track_caller]
    pub fn try_run<M, F>(self, main: M) -> Result<F::Output, RunError>
    where
        M: FnOnce(L::Runtime) -> F,
        F: Future,
    {
        if context::place() == context::Place::Polling {
            return Err(RunError::FromInside);
        }
        let location = Location::caller();
        let Runner { entry, ambient, hard_stop, on_orphan } = self;
        let ended = entry.block_on(|rt: L::Runtime| {
            let run = Arc::new(Run {
                host: Box::new(HostOf(rt.clone())),
                timers: Timers::default(),
                limiter: Limiter::new(THREADS),
                phases: Phases::default(),
                hard_stop: HardStop::new(hard_stop),
                ambient: OnceLock::new(),
                on_orphan,
                roots: OnceLock::new(),
                threads: Mutex::new(Slab::new()),
            });
            if let Some(make) = ambient {
                // Set once, here: nobody else has seen the run yet.
                run.ambient.get_or_init(|| make(&rt));
            }
            drive(run, location, move || main(rt))
        });
        match ended {
            Ok(End::Value(value)) => Ok(value),
            Ok(End::Cancelled(cause)) => Err(RunError::Cancelled(cause)),
            Ok(End::Panic(payload)) => resume_unwind(payload),
            Err(EnterError::Inside) => Err(RunError::FromInside),
            Err(EnterError::System(error)) => Err(RunError::System(error)),
            Err(EnterError::Deadlock(report)) => Err(RunError::Deadlock(report)),
        }
    }
}

impl<L: Enter + fmt::Debug> fmt::Debug for Runner<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("entry", &self.entry)
            .field("hard_stop", &self.hard_stop)
            .finish_non_exhaustive()
    }
}

/// The whole run: main, then those that it left, then the run's own tasks.
async fn drive<F: Future>(
    run: Arc<Run>,
    location: &'static Location<'static>,
    main: impl FnOnce() -> F,
) -> End<F::Output> {
    let root = root_node(&run, "run", location);
    let system = root_node(&run, "system", location);
    let roots = Roots { root: Arc::downgrade(&root), system: Arc::downgrade(&system) };
    if run.roots.set(roots).is_err() {
        unreachable!("a run is driven once");
    }
    let end = MainTask::new(root.clone(), location, main).await;
    if !matches!(end, End::Value(_)) {
        run.begin_cancelling();
        root.cancel(Cause::Shutdown);
    }
    joined(&root).await;
    system.cancel(Cause::Shutdown);
    joined(&system).await;
    run.hard_stop.disarm();
    run.phases.close();
    end
}

fn root_node(
    run: &Arc<Run>,
    name: &'static str,
    location: &'static Location<'static>,
) -> Arc<Node> {
    let hook: Hook = Box::new(|child, failed| match failed {
        Failed::Panic(payload) => {
            tracing::error!("task {child} panicked: {}", panic_text(&payload));
        }
        Failed::Error(_) => tracing::error!("task {child} failed"),
    });
    let info = ChildInfo { name: Some(Arc::new(name.into())), location };
    Node::detached(run.clone(), Kind::Nursery, Some(NurseryPart::new(info, Some(hook))))
}

/// What the entry point made ambient in the run that this thread works for; none outside a run.
pub fn ambient() -> Option<Arc<dyn Any + Send + Sync>> {
    context::run()?.ambient.get().cloned()
}

/// Whether this thread polls a task of a run, or runs a closure for one.
pub fn is_inside_run() -> bool {
    context::place() != context::Place::Outside
}

/// The run's nurseries and tasks, as an indented tree; none outside a run.
pub fn live_tree() -> Option<String> {
    let run = context::run()?;
    Some(run.live_tree())
}
