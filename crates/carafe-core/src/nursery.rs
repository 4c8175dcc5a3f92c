//! Nurseries: where tasks live.
//!
//! A nursery is opened around a body; whoever has its handle may add children to it; it ends when
//! the body and every child have ended, however that comes about. `part.rs` has what is shared
//! between the body and the children, `child.rs` the wrapper that is the backend's task, `live.rs`
//! the count that the nursery waits for, `future.rs` the waiting.

mod child;
mod errors;
mod future;
mod live;
pub(crate) mod part;
mod start;
mod task;
mod turn;

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use self::child::Child;
pub use self::errors::{Errors, Failure, NurseryError, PanicPayload};
pub(crate) use self::errors::{Failed, panic_text};
pub use self::future::NurseryFuture;
pub(crate) use self::live::Live;
pub use self::part::ChildInfo;
pub use self::start::{StartError, Started};
pub use self::task::{Task, TaskEnd, TaskStatus};

use self::part::{Hook, Name, NurseryPart};
use self::turn::Turn;
use crate::cancel::Cause;
use crate::cancel::node::{Kind, Node};
use crate::context;
use crate::limiter::Limiter;
use crate::rt::{Meta, Runtime};

/// Opens a nursery, runs `body` in it, and ends when the body and all children have ended.
///
/// The body borrows what it likes; children are `'static` and run in parallel where the loop has
/// several threads. Returns the body's value if nothing failed.
///
/// # Errors
///
/// [`NurseryError::Failed`] with every error of the body and the children: the first one cancels the
/// rest. [`NurseryError::Cancelled`] if the nursery was cancelled, or its deadline passed, while its
/// body had not ended; `n.cancel()` as the body's last line is no error.
///
/// # Panics
///
/// With the first panic of the body or a child, when all the others have ended; errors that came
/// besides go to the run's hook. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the nursery drops its body, cancels its children, and waits
/// until the last one has ended; only then the scope ends.
///
/// # On drop
///
/// Foreign code that drops it while children live (a `select!`, say) hands them, cancelled, to the
/// nearest nursery around, which waits for them.
#[track_caller]
pub fn nursery<T, E, R, B>(rt: &R, body: B) -> impl Future<Output = Result<T, NurseryError<E>>>
where
    B: AsyncFnOnce(&Nursery<E, R>) -> Result<T, E>,
    E: Send + 'static,
    R: Runtime,
{
    let nursery = Nursery::open(rt, NurseryOptions::new(), Location::caller());
    async move {
        let node = nursery.node.clone();
        NurseryFuture::new(node, body(&nursery)).await
    }
}

/// Opens a nursery like [`nursery()`], whose body owns its handle: the form for code that is generic
/// over bodies, because it returns a named future that is `Send` exactly if the body's is.
///
/// # Errors
///
/// # Panics
///
/// Like [`nursery()`].
#[track_caller]
pub fn nursery_with<T, E, R, F>(
    rt: &R,
    body: impl FnOnce(Nursery<E, R>) -> F,
) -> NurseryFuture<F, E>
where
    F: Future<Output = Result<T, E>>,
    E: Send + 'static,
    R: Runtime,
{
    NurseryOptions::new().open(rt, body)
}

/// How to open a nursery.
pub struct NurseryOptions<E> {
    name: Name,
    hook: Option<Hook>,
    deadline: Option<Instant>,
    limiter: Option<Limiter>,
    _errors: PhantomData<fn(E)>,
}

impl<E: Send + 'static> NurseryOptions<E> {
    /// The options that [`nursery()`] has: no name, no deadline, the first failure cancels the rest.
    pub fn new() -> Self {
        NurseryOptions {
            name: None,
            hook: None,
            deadline: None,
            limiter: None,
            _errors: PhantomData,
        }
    }

    /// Names the nursery in the live tree and the log.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(Arc::new(name.into()));
        self
    }

    /// Isolates the children: a failure goes to `hook`, and the siblings live on.
    ///
    /// The hook runs in the failed child's task; it must not block.
    pub fn supervised(
        mut self,
        hook: impl Fn(&ChildInfo, Failure<E>) + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Box::new(move |child, failed| hook(child, Failure::from_failed(failed))));
        self
    }

    /// Cancels the nursery at `deadline`.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Lets at most `limit` children run at a time; the others wait, unpolled, in the order in which
    /// they were spawned.
    ///
    /// A child that waits counts as live. When the nursery is cancelled it is dropped without having
    /// started. A turn ends when the child has ended and what it had is dropped; so children that wait
    /// for others, which have had no turn yet, can wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// # use carafe_core::{NurseryOptions, Runner};
    /// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
    /// # async fn fetch(_: u32) -> std::io::Result<()> { Ok(()) }
    /// NurseryOptions::new().limit(8).open(&rt, |n| async move {
    ///     for page in 0..1000 {
    ///         n.spawn(fetch(page));
    ///     }
    ///     Ok(())
    /// }).await?;
    /// # Ok::<_, carafe_core::NurseryError<std::io::Error>>(())
    /// # }).unwrap().unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// When `limit` is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a nursery in which no child may run would never end");
        self.limiter = Some(Limiter::new(limit));
        self
    }

    /// Opens the nursery; see [`nursery_with`].
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn open<T, R, F>(self, rt: &R, body: impl FnOnce(Nursery<E, R>) -> F) -> NurseryFuture<F, E>
    where
        F: Future<Output = Result<T, E>>,
        R: Runtime,
    {
        let nursery = Nursery::open(rt, self, Location::caller());
        let node = nursery.node.clone();
        NurseryFuture::new(node, body(nursery))
    }
}

impl<E: Send + 'static> Default for NurseryOptions<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for NurseryOptions<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NurseryOptions")
            .field("name", &self.name)
            .field("supervised", &self.hook.is_some())
            .field("deadline", &self.deadline)
            .field("limiter", &self.limiter)
            .finish()
    }
}

/// A handle to a nursery: adds children and cancels. Cheap to clone; may outlive the nursery, which
/// then refuses children.
///
/// `R` is the runtime that children are spawned on. It is a parameter, the one second parameter that
/// a public type has here, so that a nursery on a concrete backend spawns without dispatch.
pub struct Nursery<E, R> {
    node: Arc<Node>,
    rt: R,
    _errors: PhantomData<fn(E)>,
}

impl<E: Send + 'static, R: Runtime> Nursery<E, R> {
    #[track_caller]
    fn open(rt: &R, options: NurseryOptions<E>, location: &'static Location<'static>) -> Self {
        let Some(run) = context::run() else {
            panic!("a nursery needs a run around it: enter one with `run`, `#[main]` or `#[test]`")
        };
        let info = ChildInfo { name: options.name, location };
        let part = NurseryPart::new(info, options.hook).limited(options.limiter);
        let node = Node::detached(run, Kind::Nursery, Some(part));
        if options.deadline.is_some() {
            node.set_deadline(options.deadline);
        }
        Nursery { node, rt: rt.clone(), _errors: PhantomData }
    }

    pub(crate) fn on(node: Arc<Node>, rt: R) -> Self {
        Nursery { node, rt, _errors: PhantomData }
    }

    /// Adds a child.
    ///
    /// It starts also in a cancelled nursery, and runs to its first suspension there.
    ///
    /// # Panics
    ///
    /// When the nursery has ended.
    #[track_caller]
    pub fn spawn<F>(&self, child: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        if self.add(None, Location::caller(), child).is_err() {
            panic!("spawn into a nursery that has ended; `try_spawn` tells instead of panicking");
        }
    }

    /// Adds a child if the nursery has not ended.
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, when the nursery has ended.
    #[track_caller]
    pub fn try_spawn<F>(&self, child: F) -> Result<(), Closed<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.add(None, Location::caller(), child)
    }

    /// Adds a child whose value somebody wants.
    ///
    /// The nursery owns the child, not the handle: an error is the nursery's to report, and dropping
    /// the handle changes nothing.
    ///
    /// # Panics
    ///
    /// When the nursery has ended.
    #[track_caller]
    pub fn spawn_task<T, F>(&self, child: F) -> Task<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        let (child, task) = task::pair(&self.node, child);
        self.spawn(child);
        task
    }

    /// Adds a child and waits until it says that it is ready.
    ///
    /// `child` is given a [`Started`], calls [`started`](Started::started) with a value when it is
    /// ready, and goes on in this nursery. Until then it belongs to the caller: its failure is the
    /// caller's, and so is its cancellation. The nursery stays open while a start is pending.
    ///
    /// # Errors
    ///
    /// [`StartError`]: the nursery has ended, or the child did before it was ready.
    ///
    /// # Panics
    ///
    /// With the panic of the child, if that came before it was ready. Outside a run.
    ///
    /// # Cancel safety
    ///
    /// When a scope around the call is cancelled, the child is cancelled and waited for, unless it has
    /// started already.
    #[track_caller]
    pub fn start<V, F, Fut>(
        &self,
        child: F,
    ) -> impl Future<Output = Result<V, StartError<E>>> + Send
    where
        F: FnOnce(Started<V>) -> Fut + Send,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        V: Send + 'static,
    {
        let location = Location::caller();
        async move {
            let Some(target) = Live::new(&self.node) else { return Err(StartError::Closed) };
            let options = NurseryOptions::<E>::new().name("start");
            let own: Nursery<E, R> = Nursery::open(&self.rt, options, location);
            let waiting = async {
                // Here and not before: by now our own nursery hangs below whoever calls, so the child
                // finds out if that one is cancelled already.
                let (cell, started) = start::Cell::pair();
                let mover = start::MoveWhenStarted { cell: cell.clone(), target: Some(target) };
                let live = Live::new(&own.node).expect("a nursery whose body runs is open");
                let info = ChildInfo { name: None, location };
                let child = self.in_turn(child(started));
                let child = Child::with_mover(live, info, child, mover);
                self.rt.spawn_detached(Meta { name: None, location }, child);
                let value = cell.value().await;
                if value.is_none() {
                    own.cancel();
                }
                Ok(value)
            };
            let waiting = NurseryFuture::new(own.node.clone(), waiting);
            match waiting.await {
                Ok(Some(value)) => Ok(value),
                Ok(None) => Err(StartError::NotStarted),
                Err(NurseryError::Failed(errors)) => Err(StartError::Failed(errors)),
                Err(NurseryError::Cancelled(cause)) => Err(StartError::Cancelled(cause)),
            }
        }
    }

    /// The child as it runs here: with a limit, after those that came before.
    fn in_turn<F>(&self, child: F) -> Turn<F> {
        match &self.node.part().limiter {
            None => Turn::at_once(child),
            Some(limiter) => Turn::new(limiter, child),
        }
    }

    /// Names the child that is spawned next, in the live tree and the log.
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> Spawner<'_, E, R> {
        Spawner { nursery: self, name: Some(Arc::new(name.into())) }
    }

    pub(crate) fn add<F>(
        &self,
        name: Name,
        location: &'static Location<'static>,
        child: F,
    ) -> Result<(), Closed<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let Some(live) = Live::new(&self.node) else { return Err(Closed(child)) };
        let named = name.clone();
        let meta = Meta { name: named.as_deref().map(|name| &**name), location };
        let info = ChildInfo { name, location };
        match &live.part().limiter {
            None => self.rt.spawn_detached(meta, Child::new(live, info, child)),
            Some(limiter) => {
                let child = Turn::new(limiter, child);
                self.rt.spawn_detached(meta, Child::new(live, info, child));
            }
        }
        Ok(())
    }

    /// Cancels the nursery: its body and its children are dropped at their next suspension.
    pub fn cancel(&self) {
        self.node.cancel(Cause::Explicit(None));
    }

    /// Cancels the nursery and says why.
    pub fn cancel_with(&self, reason: &'static str) {
        self.node.cancel(Cause::Explicit(Some(reason)));
    }

    /// Whether the nursery, or a scope around it, is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_due()
    }

    /// Sets, moves or removes the time at which the nursery is cancelled; also while it waits for its
    /// children.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.node.set_deadline(deadline);
    }

    /// How many children are alive, those adopted from nurseries that foreign code has dropped and
    /// closures on threads included.
    pub fn live(&self) -> usize {
        self.node.part().count.live()
    }

    /// The runtime that children are spawned on.
    pub fn runtime(&self) -> &R {
        &self.rt
    }
}

impl<E, R: Clone> Clone for Nursery<E, R> {
    fn clone(&self) -> Self {
        Nursery { node: self.node.clone(), rt: self.rt.clone(), _errors: PhantomData }
    }
}

impl<E, R> fmt::Debug for Nursery<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nursery").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Adds a named child; made by [`Nursery::named`].
#[derive(Debug)]
pub struct Spawner<'n, E, R> {
    nursery: &'n Nursery<E, R>,
    name: Name,
}

impl<E: Send + 'static, R: Runtime> Spawner<'_, E, R> {
    /// Adds the child; see [`Nursery::spawn`].
    ///
    /// # Panics
    ///
    /// When the nursery has ended.
    #[track_caller]
    pub fn spawn<F>(self, child: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        if self.nursery.add(self.name, Location::caller(), child).is_err() {
            panic!("spawn into a nursery that has ended; `try_spawn` tells instead of panicking");
        }
    }

    /// Adds the child if the nursery has not ended; see [`Nursery::try_spawn`].
    ///
    /// # Errors
    ///
    /// Gives the future back, unpolled, when the nursery has ended.
    #[track_caller]
    pub fn try_spawn<F>(self, child: F) -> Result<(), Closed<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.nursery.add(self.name, Location::caller(), child)
    }
}

/// The child that a nursery refused because it has ended.
pub struct Closed<F>(pub F);

impl<F> fmt::Debug for Closed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<F> fmt::Display for Closed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the nursery has ended")
    }
}

impl<F> std::error::Error for Closed<F> {}

/// Adds `task` to the run's own nursery, which supervises: a panic is reported to the run's hook and
/// nobody else is disturbed. The run ends only when the task has ended.
///
/// # Errors
///
/// Gives the future back, unpolled, outside a run and when the run is ending.
#[track_caller]
pub fn spawn_in_run<R, F>(rt: &R, task: F) -> Result<(), Closed<F>>
where
    R: Runtime,
    F: Future<Output = ()> + Send + 'static,
{
    let Some(root) = context::run().and_then(|run| run.root()) else { return Err(Closed(task)) };
    let location = Location::caller();
    let nursery: Nursery<Infallible, R> = Nursery::on(root, rt.clone());
    let Some(live) = Live::new(&nursery.node) else { return Err(Closed(task)) };
    let info = ChildInfo { name: None, location };
    let child = Child::new(live, info, Infallibly { task });
    rt.spawn_detached(Meta { name: None, location }, child);
    Ok(())
}

/// Adds `task` to the run's own nursery like [`spawn_in_run`], and gives a handle to it.
///
/// When the run is ending, the task is dropped, unpolled, and its handle says that it was cancelled.
///
/// # Panics
///
/// Outside a run.
#[track_caller]
pub fn spawn_task_in_run<R, F>(rt: &R, task: F) -> Task<F::Output>
where
    R: Runtime,
    F: Future<Output: Send> + Send + 'static,
{
    let Some(run) = context::run() else {
        panic!("a task needs a run around it: enter one with `run`, `#[main]` or `#[test]`")
    };
    let Some(root) = run.root() else {
        panic!("the run has ended, and a task needs one around it")
    };
    let (child, task) = task::pair(&root, Infallibly { task });
    if let Some(live) = Live::new(&root) {
        let location = Location::caller();
        let child = Child::new(live, ChildInfo { name: None, location }, child);
        rt.spawn_detached(Meta { name: None, location }, child);
    }
    task
}

pin_project_lite::pin_project! {
    /// A future that cannot fail, as a child.
    struct Infallibly<F> {
        #[pin]
        task: F,
    }
}

impl<F: Future> Future for Infallibly<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.project().task.poll(cx).map(Ok)
    }
}
