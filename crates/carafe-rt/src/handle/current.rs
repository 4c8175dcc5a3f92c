//! Which loop is around the caller.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::{Handle, Inner};
use crate::backends::tokio;
use crate::select;

/// The handle of the run around the caller: what `run` left in the context, which every task and
/// every `to_thread` closure of the run carries.
pub(super) fn in_run() -> Option<Handle> {
    carafe_core::ambient()?.downcast_ref::<Handle>().cloned()
}

/// The handle for what needs a loop but no run: time, threads and sockets.
///
/// Outside a run that may be a tokio runtime which somebody else started and which is current on
/// this thread, so that these work in the middle of a foreign tokio program.
#[track_caller]
pub(crate) fn for_leaf() -> Result<Handle, NoRun> {
    // Not `ok_or_else`: the call site would be inside the standard library.
    match in_run().or_else(|| tokio::current().map(|rt| Handle(Inner::Tokio(rt)))) {
        Some(handle) => Ok(handle),
        None => Err(NoRun::here()),
    }
}

/// Ends a lookup for which there is no error to return.
#[track_caller]
pub(crate) fn or_panic(found: Result<Handle, NoRun>) -> Handle {
    match found {
        Ok(handle) => handle,
        Err(no_run) => panic!("{no_run}"),
    }
}

/// The error of a call that needs a run around it and has none.
#[derive(Debug, Clone, Copy)]
pub struct NoRun {
    location: &'static Location<'static>,
}

impl NoRun {
    #[track_caller]
    pub(super) fn here() -> Self {
        NoRun { location: Location::caller() }
    }

    /// Where the call was made.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for NoRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no run is around the call at {}: call it inside `carafe::run(..)` or an \
             `#[carafe::main]` function, in a task that was spawned in a nursery ({})",
            self.location,
            select::compiled_text(),
        )
    }
}

impl Error for NoRun {}
