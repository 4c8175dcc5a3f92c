//! Values that belong to a task and those it spawns: a request's id, a user, a trace.
//!
//! ```text
//!   KEY.scope(v, fut) ──▶ while `fut` is polled: [KEY = v] ──▶ what it had around
//!                                                  ▲
//!   a child spawned inside ────────────────────────┘  shares the list; nothing is copied
//! ```
//!
//! Bindings are a list that never changes: binding again puts an entry in front, for one future. So a
//! child sees what was bound when it was spawned, and what it binds itself nobody else sees. Locals
//! come from the spawner, cancellation from the nursery. The span of `tracing` that the spawner is in
//! travels as one more binding, and is entered around each poll of the child.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

/// The bindings of a task; none is the most frequent case by far, and costs nothing.
pub(crate) type Locals = Option<Arc<Binding>>;

/// One entry of the list.
pub(crate) struct Binding {
    /// The address of the key, which is a static.
    key: usize,
    value: Arc<dyn Any + Send + Sync>,
    /// Whether children see it.
    is_inherited: bool,
    /// Whether it and all behind it are inherited, so that a child can share the list.
    is_shared: bool,
    next: Locals,
}

/// The current bindings. Not dropped with the thread, for whoever sets them puts back what was there
/// before, and that ends with none: so the thread need not remember a destructor, which would cost a
/// check at each look.
type Current = Cell<ManuallyDrop<Locals>>;

#[cfg(not(shuttle))]
thread_local! {
    static CURRENT: Current = const { Cell::new(ManuallyDrop::new(None)) };
}

#[cfg(shuttle)]
shuttle::thread_local! {
    static CURRENT: Current = Cell::new(ManuallyDrop::new(None));
}

/// Makes `locals` the current bindings, and gives back those before.
fn swap(locals: Locals) -> Locals {
    CURRENT.with(|current| ManuallyDrop::into_inner(current.replace(ManuallyDrop::new(locals))))
}

/// Calls `inside` with `locals` as the current bindings, which it gets back afterwards, also when
/// `inside` unwinds.
pub(crate) fn enter<T>(locals: &mut Locals, inside: impl FnOnce() -> T) -> T {
    struct Restore<'a> {
        slot: &'a mut Locals,
        before: Locals,
    }
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            *self.slot = swap(self.before.take());
        }
    }
    let before = swap(locals.take());
    let _restore = Restore { slot: locals, before };
    inside()
}

/// Calls `inside` as the body of a task or a closure that was spawned with `locals`: its bindings are
/// current, and its span is entered.
pub(crate) fn enter_spawned<T>(locals: &mut Locals, inside: impl FnOnce() -> T) -> T {
    if locals.is_none() {
        return enter(locals, inside);
    }
    let span = span_of(locals).cloned();
    let _entered = span.as_ref().map(Span::enter);
    enter(locals, inside)
}

/// What a child spawned now has: all that is bound and inherited, and the span of its spawner.
pub(crate) fn inherit() -> Locals {
    let current = match look(Clone::clone) {
        Some(binding) if !binding.is_shared => inherited_of(&Some(binding)),
        shared => shared,
    };
    // A program without a subscriber pays for this one look.
    if tracing::dispatcher::has_been_set() {
        let span = Span::current();
        if !span.is_none() && span_of(&current) != Some(&span) {
            return SPAN.bind(span).on(current);
        }
    }
    current
}

/// The span that a task works in.
static SPAN: LocalKey<Span> = LocalKey { is_inherited: true, make: || PhantomData };

/// The span that the spawner of a task with these bindings was in.
pub(crate) fn span_of(locals: &Locals) -> Option<&Span> {
    find(locals, SPAN.address())?.downcast_ref()
}

fn find(locals: &Locals, key: usize) -> Option<&Arc<dyn Any + Send + Sync>> {
    let mut next = locals.as_ref();
    while let Some(binding) = next {
        if binding.key == key {
            return Some(&binding.value);
        }
        next = binding.next.as_ref();
    }
    None
}

/// The list without what children do not see.
fn inherited_of(locals: &Locals) -> Locals {
    let binding = locals.as_ref()?;
    let next = inherited_of(&binding.next);
    if !binding.is_inherited {
        return next;
    }
    Some(Arc::new(Binding {
        key: binding.key,
        value: binding.value.clone(),
        is_inherited: true,
        is_shared: true,
        next,
    }))
}

/// Lends the current bindings.
fn look<T>(look: impl FnOnce(&Locals) -> T) -> T {
    // Taken out and put back: a `RefCell` would cost a flag, and nobody else looks meanwhile.
    let locals = swap(None);
    let answer = look(&locals);
    // What is given back is the none that was put there.
    let _none = swap(locals);
    answer
}

/// The key of a task-local value; made by [`task_local!`](crate::task_local).
///
/// # Examples
///
/// ```
/// use carafe_core::Runner;
/// use carafe_sim::Sim;
///
/// carafe_core::task_local! {
///     /// Whose request this is.
///     static USER: String;
/// }
///
/// async fn greet() -> String {
///     let user = USER.get();
///     format!("hello {}", user.as_deref().map_or("stranger", String::as_str))
/// }
///
/// let greetings = Runner::new(Sim::fifo()).try_run(|_| async {
///     (USER.scope("Ada".into(), greet()).await, greet().await)
/// });
/// assert_eq!(greetings.unwrap(), ("hello Ada".into(), "hello stranger".into()));
/// ```
pub struct LocalKey<T: 'static> {
    #[doc(hidden)]
    pub is_inherited: bool,
    #[doc(hidden)]
    pub make: fn() -> PhantomData<T>,
}

impl<T: Send + Sync + 'static> LocalKey<T> {
    /// Binds the key to `value` while `future` runs, and for the tasks that it spawns.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> LocalScope<F> {
        LocalScope { future: Some(future), bound: Some(self.bind(value)), locals: None }
    }

    /// Binds the key to `value` while `f` runs.
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        enter(&mut self.bind(value).on(look(Clone::clone)), f)
    }

    /// The value that is bound here, if there is one.
    pub fn get(&'static self) -> Option<Arc<T>> {
        look(|locals| find(locals, self.address())?.clone().downcast().ok())
    }

    fn bind(&'static self, value: T) -> Bound {
        Bound { key: self.address(), value: Arc::new(value), is_inherited: self.is_inherited }
    }

    fn address(&'static self) -> usize {
        std::ptr::from_ref(self) as usize
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("is_inherited", &self.is_inherited).finish_non_exhaustive()
    }
}

/// A binding that is not in a list yet.
struct Bound {
    key: usize,
    value: Arc<dyn Any + Send + Sync>,
    is_inherited: bool,
}

impl Bound {
    fn on(self, next: Locals) -> Locals {
        let Bound { key, value, is_inherited } = self;
        let is_shared = is_inherited && next.as_ref().is_none_or(|next| next.is_shared);
        Some(Arc::new(Binding { key, value, is_inherited, is_shared, next }))
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct LocalScope<F> {
        // None once it has ended: its destructors see the binding, too.
        #[pin]
        future: Option<F>,
        // Until the first poll, which knows what is bound around.
        bound: Option<Bound>,
        locals: Locals,
    }

    impl<F> PinnedDrop for LocalScope<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                enter(this.locals, || this.future.set(None));
            }
        }
    }
}

impl<F: Future> Future for LocalScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(bound) = this.bound.take() {
            *this.locals = bound.on(look(Clone::clone));
        }
        enter(this.locals, || {
            let future = this.future.as_mut().as_pin_mut();
            let polled = future.expect("a future is polled until it has ended").poll(cx);
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        })
    }
}

impl<F> fmt::Debug for LocalScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalScope").finish_non_exhaustive()
    }
}

/// Declares task-local keys.
///
/// A key is a static without a value; [`LocalKey::scope`] binds one. Children inherit what is bound
/// when they are spawned, except for keys declared `#[own]`, which stay with their task.
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[doc = $doc:literal])* #[own] $vis:vis static $name:ident: $type:ty $(; $($rest:tt)*)?) => {
        $crate::__task_local!(false, [$(#[doc = $doc])*], $vis, $name, $type);
        $($crate::task_local!($($rest)*);)?
    };
    ($(#[doc = $doc:literal])* $vis:vis static $name:ident: $type:ty $(; $($rest:tt)*)?) => {
        $crate::__task_local!(true, [$(#[doc = $doc])*], $vis, $name, $type);
        $($crate::task_local!($($rest)*);)?
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __task_local {
    ($inherited:literal, [$($doc:tt)*], $vis:vis, $name:ident, $type:ty) => {
        $($doc)*
        $vis static $name: $crate::LocalKey<$type> =
            $crate::LocalKey { is_inherited: $inherited, make: || ::std::marker::PhantomData };
    };
}

// A child carries its bindings at the price of one pointer.
const _: () = assert!(mem::size_of::<Locals>() == mem::size_of::<usize>());
