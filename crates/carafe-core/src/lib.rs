//! The contract of an event loop, and structured concurrency written once on top of it.
//!
//! [`rt`] is the contract: small capability traits that a backend implements and that sum up to
//! [`rt::Runtime`]. Everything else in this crate is written against that contract alone, so it
//! means the same on every loop:
//!
//! | | |
//! |---|---|
//! | [`nursery()`], [`Nursery`] | a place where tasks live; it ends when all of them have ended |
//! | [`join`], [`join_scope()`] | futures joined in one line; children that borrow from the stack |
//! | [`CancelScope`], [`timeout`], [`move_on_after`], [`shield`] | cancellation, deadlines, immunity |
//! | [`to_thread`], [`Limiter`] | closures that block, on threads, so many at a time |
//! | [`channel`], [`sync`] | items and values between tasks, locks, what tasks wait for |
//! | [`Runner`], [`shutdown`] | one run of a program, from entering the loop to its last task |
//! | [`testing`] | virtual time on any loop |
//!
//! # The law in five sentences
//!
//! Every task lives in a nursery, and a nursery ends only when its body and all its children have
//! ended. A scope *polls, then checks*: a future is dropped only where it is waiting, after a poll
//! that returned pending, and on its own task. Whoever must not be dropped *holds* the scopes around
//! it: a shield, an open nursery, a closure that runs on a thread. A nursery that foreign code drops
//! is *adopted* by the nursery around it, which waits for its children. So a run never ends while a
//! task lives, and nothing is lost silently.
//!
//! # Mechanism
//!
//! The tree of scopes is a tree of nodes (the `cancel` module): one for each nursery, scope, shield and task that
//! has any of these inside. Cancelling a node marks everything below it, up to shields, and wakes it;
//! it never drops anything. Who is polled right now is known to a thread-local stack of frames
//! (the `context` module), which is how `timeout(..)` finds the scope around it without an argument.

mod atomics;
mod cancel;
pub mod channel;
mod context;
pub mod join;
mod join_scope;
mod limiter;
mod locals;
pub mod net;
mod nursery;
pub mod pool;
pub mod rt;
mod run;
pub mod shutdown;
pub mod sync;
pub mod testing;
mod thread;
mod timers;
mod wait_list;

pub use cancel::{
    CancelScope, Cancellable, Cancelled, Cause, Elapsed, Finally, MoveOnAfter, ScopeRun, Shield,
    Timeout, cancellable, check_cancelled, checkpoint, effective_deadline, finally, is_cancelled,
    move_on_after, shield, shield_for, shielded_yield, timeout,
};
pub use join_scope::{
    JoinScope, JoinScopeFuture, Joined, LocalJoinScope, join_scope, local_join_scope,
};
pub use limiter::{
    Acquire, AcquireOnBehalfOf, AlreadyBorrowed, Limiter, LimiterStatistics, NotBorrowed, Token,
};
pub use locals::{LocalKey, LocalScope};
pub use nursery::{
    ChildInfo, Closed, Errors, Failure, Nursery, NurseryError, NurseryFuture, NurseryOptions,
    PanicPayload, Spawner, StartError, Started, Task, TaskEnd, TaskStatus, nursery, nursery_with,
    spawn_in_run, spawn_task_in_run,
};
pub use run::{RunError, Runner, ambient, is_inside_run, live_tree};
pub use thread::{ToThread, to_thread};
