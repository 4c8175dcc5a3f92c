//! Children that borrow from the stack, and run side by side in the one task that waits for them.
//!
//! Of *concurrent*, *parallel* and *borrowing* a child can have two, for a future may be leaked at any
//! time: a nursery's children are parallel and own what they use, these borrow and share a task.
//! `group.rs` polls the children, `bells.rs` knows which of them were woken.
//!
//! No unsafe code: the handle of a scope owns what it leads to, so a child that spawns siblings has a
//! handle of its own and borrows none.

mod bells;
mod group;
mod joined;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

pub use self::group::JoinScopeFuture;
use self::group::Shared;
pub use self::joined::Joined;

/// Runs `body` and the children that it spawns side by side, in this one task; they may borrow
/// whatever outlives the call.
///
/// It ends when the body and all children have ended, and gives the body's value. The first error
/// cancels the rest. Only those are polled that were woken. A child costs one allocation; where more
/// run at a time than ever before in this scope, one more.
///
/// Whatever blocks one of them blocks all, also a `select!` around the whole that does not get to poll
/// it: children that hold locks which others wait for belong in a [`nursery`](crate::nursery()).
/// Children that are not `Send` go into a [`local_join_scope`].
///
/// # Examples
///
/// ```
/// # use carafe_core::{Runner, checkpoint, join_scope};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
/// # async fn fetch(url: &str) -> std::io::Result<usize> { checkpoint().await; Ok(url.len()) }
/// let urls = vec![String::from("/a"), String::from("/bcd")];
/// let mut sizes = vec![0; urls.len()];
/// join_scope(async |s| {
///     for (url, size) in urls.iter().zip(&mut sizes) {
///         s.spawn(async move {
///             *size = fetch(url).await?;
///             Ok(())
///         });
///     }
///     Ok(())
/// }).await?;
/// assert_eq!(sizes, [2, 4]);
/// # Ok::<_, carafe_core::NurseryError<std::io::Error>>(())
/// # }).unwrap().unwrap();
/// ```
///
/// # Errors
///
/// [`NurseryError::Failed`](crate::NurseryError::Failed) with every error of the body and the children, in the order in which they
/// came. [`NurseryError::Cancelled`](crate::NurseryError::Cancelled) if the scope was [cancelled](JoinScope::cancel) while its body
/// had not ended.
///
/// # Panics
///
/// With the first panic of the body or a child, when all the others have ended. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, body and children are dropped, each as soon as nothing in it
/// holds: a nursery or a shield inside a child is waited for.
///
/// # On drop
///
/// The body and the children are dropped; nurseries inside them are adopted by the nursery around.
#[track_caller]
pub fn join_scope<'env, T, E, F>(
    body: impl FnOnce(JoinScope<'env, E>) -> F,
) -> JoinScopeFuture<F, T, E, dyn Future<Output = Result<(), E>> + Send + 'env>
where
    F: Future<Output = Result<T, E>>,
    E: Send + 'static,
{
    // Not an `AsyncFnOnce` of a borrowed handle, which has a lifetime in it: the compiler then does not
    // see that the future is `Send`.
    let scope = JoinScope { shared: Arc::new(Shared::new()) };
    JoinScopeFuture::new(scope.shared.clone(), body(scope))
}

/// Runs children side by side in this one task, like [`join_scope`], that need not be `Send`; nor is
/// the scope's own future.
///
/// # Examples
///
/// ```
/// # use std::cell::Cell;
/// # use carafe_core::{Runner, checkpoint, local_join_scope};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |_| {
/// let steps = Cell::new(0);
/// local_join_scope(async |s| {
///     for _ in 0..3 {
///         s.spawn(async {
///             checkpoint().await;
///             Ok(steps.set(steps.get() + 1))
///         });
///     }
///     std::io::Result::Ok(())
/// }).await?;
/// assert_eq!(steps.get(), 3);
/// # Ok::<_, carafe_core::NurseryError<std::io::Error>>(())
/// # }).unwrap().unwrap();
/// ```
///
/// # Errors
///
/// # Panics
///
/// # Cancel safety
///
/// # On drop
///
/// Like [`join_scope`].
#[track_caller]
pub fn local_join_scope<'env, T, E, F>(
    body: impl FnOnce(LocalJoinScope<'env, E>) -> F,
) -> JoinScopeFuture<F, T, E, dyn Future<Output = Result<(), E>> + 'env>
where
    F: Future<Output = Result<T, E>>,
    E: Send + 'static,
{
    let scope = LocalJoinScope { shared: Arc::new(Shared::new()) };
    JoinScopeFuture::new(scope.shared.clone(), body(scope))
}

/// A handle to a [`join_scope`]: adds children and cancels.
///
/// A child that spawns siblings takes a clone along: `let s = s.clone()`. It may outlive the scope,
/// which then refuses children.
pub struct JoinScope<'env, E> {
    shared: Arc<Shared<dyn Future<Output = Result<(), E>> + Send + 'env>>,
}

/// A handle to a [`local_join_scope`], like [`JoinScope`].
pub struct LocalJoinScope<'env, E> {
    shared: Arc<Shared<dyn Future<Output = Result<(), E>> + 'env>>,
}

impl<'env, E: Send + 'static> JoinScope<'env, E> {
    /// Adds a child.
    ///
    /// It starts also in a cancelled scope, and runs to its first suspension there.
    ///
    /// # Panics
    ///
    /// When the scope has ended.
    #[track_caller]
    pub fn spawn<F>(&self, child: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'env,
    {
        self.shared.add(Box::pin(child));
    }

    /// Adds a child whose value somebody wants.
    ///
    /// # Panics
    ///
    /// When the scope has ended.
    #[track_caller]
    pub fn spawn_task<T, F>(&self, child: F) -> Joined<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'env,
        T: Send + 'env,
    {
        let (child, joined) = joined::pair(child);
        self.spawn(child);
        joined
    }

    /// Cancels the scope: its body and its children are dropped at their next suspension.
    pub fn cancel(&self) {
        self.shared.scope().cancel();
    }

    /// Whether the scope itself was cancelled; it is when something in it has failed.
    pub fn is_cancelled(&self) -> bool {
        self.shared.scope().is_cancelled()
    }
}

impl<'env, E: Send + 'static> LocalJoinScope<'env, E> {
    /// Adds a child; see [`JoinScope::spawn`].
    ///
    /// # Panics
    ///
    /// When the scope has ended.
    #[track_caller]
    pub fn spawn<F>(&self, child: F)
    where
        F: Future<Output = Result<(), E>> + 'env,
    {
        self.shared.add(Box::pin(child));
    }

    /// Adds a child whose value somebody wants; see [`JoinScope::spawn_task`].
    ///
    /// # Panics
    ///
    /// When the scope has ended.
    #[track_caller]
    pub fn spawn_task<T, F>(&self, child: F) -> Joined<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
    {
        let (child, joined) = joined::pair(child);
        self.spawn(child);
        joined
    }

    /// Cancels the scope; see [`JoinScope::cancel`].
    pub fn cancel(&self) {
        self.shared.scope().cancel();
    }

    /// Whether the scope itself was cancelled; it is when something in it has failed.
    pub fn is_cancelled(&self) -> bool {
        self.shared.scope().is_cancelled()
    }
}

impl<E> Clone for JoinScope<'_, E> {
    fn clone(&self) -> Self {
        JoinScope { shared: self.shared.clone() }
    }
}

impl<E> Clone for LocalJoinScope<'_, E> {
    fn clone(&self) -> Self {
        LocalJoinScope { shared: self.shared.clone() }
    }
}

impl<E> fmt::Debug for JoinScope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinScope").field("scope", self.shared.scope()).finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for LocalJoinScope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalJoinScope").field("scope", self.shared.scope()).finish_non_exhaustive()
    }
}
