//! Chooses the event loop: the handle, the free functions, run.
//!
//! | | |
//! |---|---|
//! | [`run`], [`run_on`], [`EntryPoint`], [`macro@main`] | start a program on a [`Backend`] |
//! | [`Handle`] | the loop that runs, whichever it is; a [`rt::Runtime`] |
//! | [`nursery()`], [`spawn()`], [`sleep`], [`to_thread`] … | the same as functions, on the current handle |
//! | [`join`] | several futures at once: all of them, the first, as they end |
//! | [`net`] | TCP on the current handle |
//! | [`macro@test`] | a test on each compiled backend |
//!
//! # Which backend runs
//!
//! Cargo features **add** backends: `tokio`, `smol`, `async-std`, `sim`. None is on by default, and no
//! feature decides which one runs. What decides is, in this order:
//!
//! 1. the entry point: `#[carafe::main(smol)]`, [`run_on`]`(Backend::smol(), ..)`;
//! 2. the environment variable `CARAFE_RUNTIME`: `tokio`, `tokio-current-thread`, `smol`, `async-std`,
//!    `sim`;
//! 3. the only compiled backend.
//!
//! Several compiled and none chosen is an error, and so is a name that is not compiled in: one line
//! that names what there is and what to do.
//!
//! # How the current loop is found
//!
//! A run carries its handle: [`run`] leaves it in the context of the run, which every task sees, also
//! one that was spawned through a backend directly, and every closure of [`to_thread`].
//! [`Handle::current`] reads it there. What needs a loop but no run (time, threads, sockets) falls back
//! to a tokio runtime that somebody else has made current on the thread, if `tokio` is compiled in.

#![forbid(unsafe_code)]

mod absent;
mod backend;
mod backends;
mod doors;
mod entry;
mod free;
mod handle;
pub mod join;
pub mod net;
mod outcome;
mod run;
mod select;
mod watchdog;

pub use backend::Backend;
pub use entry::EntryPoint;
pub use free::{
    now, nursery, nursery_with, shutdown_requested, sleep, sleep_until, spawn, to_thread, wall_now,
};
pub use handle::{Capability, Handle, HandleSignals, HandleSleep, NoRun, Visitor};
pub use handle::{TcpListener, TcpStream};
pub use outcome::{Misuse, Outcome};
pub use run::{run, run_on, try_run, try_run_on};

pub use carafe_core::{
    Acquire, AcquireOnBehalfOf, AlreadyBorrowed, CancelScope, Cancelled, Cause, ChildInfo, Closed,
    Elapsed, Errors, Failure, Finally, Limiter, LimiterStatistics, LocalKey, LocalScope,
    MoveOnAfter, NotBorrowed, NurseryError, NurseryFuture, NurseryOptions, PanicPayload, RunError,
    ScopeRun, Shield, StartError, Started, Task, TaskEnd, TaskStatus, Timeout, ToThread, Token,
    channel, check_cancelled, checkpoint, effective_deadline, finally, is_cancelled, is_inside_run,
    live_tree, move_on_after, rt, shield, shield_for, shielded_yield, shutdown, sync, task_local,
    testing, timeout,
};
pub use carafe_core::{
    JoinScope, JoinScopeFuture, Joined, LocalJoinScope, join_scope, local_join_scope,
};
pub use carafe_macros::{main, test};

/// A nursery on the current loop; see [`nursery()`].
pub type Nursery<E> = carafe_core::Nursery<E, Handle>;

/// Adds a named child to a nursery; made by [`Nursery::named`](carafe_core::Nursery::named).
pub type Spawner<'n, E> = carafe_core::Spawner<'n, E, Handle>;

/// What the attributes expand to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::watchdog::{PATIENCE, test};
    pub use crate::{
        __if_async_std as if_async_std, __if_sim as if_sim, __if_smol as if_smol,
        __if_tokio as if_tokio,
    };
}
