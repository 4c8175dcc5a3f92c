//! The backends that were compiled in; an absent one is [`Absent`](crate::absent::Absent).
//!
//! This is the only place where a cargo feature chooses a type. Each module names its backend's
//! runtime and makes the recipe that enters it, so that the handle and everything above it read the
//! same whatever is compiled.

#[cfg(feature = "tokio")]
pub(crate) mod tokio {
    pub(crate) use carafe_tokio::Tokio as Runtime;
    use carafe_tokio::TokioLoop;

    pub(crate) fn entry(threads: Option<usize>) -> Option<TokioLoop> {
        let entry = Runtime::multi_thread();
        Some(match threads {
            Some(n) => entry.threads(n),
            None => entry,
        })
    }

    pub(crate) fn current_thread_entry() -> Option<TokioLoop> {
        Some(Runtime::current_thread())
    }

    /// The runtime that somebody else has started and made current on this thread.
    pub(crate) fn current() -> Option<Runtime> {
        Runtime::current()
    }
}

#[cfg(not(feature = "tokio"))]
pub(crate) mod tokio {
    pub(crate) use crate::absent::Absent as Runtime;

    pub(crate) fn entry(_threads: Option<usize>) -> Option<Runtime> {
        None
    }

    pub(crate) fn current_thread_entry() -> Option<Runtime> {
        None
    }

    pub(crate) fn current() -> Option<Runtime> {
        None
    }
}

#[cfg(feature = "smol")]
pub(crate) mod smol {
    pub(crate) use carafe_smol::Smol as Runtime;
    use carafe_smol::SmolLoop;

    pub(crate) fn entry(threads: Option<usize>) -> Option<SmolLoop> {
        let entry = Runtime::multi_thread();
        Some(match threads {
            Some(n) => entry.threads(n),
            None => entry,
        })
    }
}

#[cfg(not(feature = "smol"))]
pub(crate) mod smol {
    pub(crate) use crate::absent::Absent as Runtime;

    pub(crate) fn entry(_threads: Option<usize>) -> Option<Runtime> {
        None
    }
}

#[cfg(feature = "async-std")]
pub(crate) mod async_std {
    pub(crate) use carafe_async_std::AsyncStd as Runtime;
    use carafe_async_std::AsyncStdLoop;

    pub(crate) fn entry() -> Option<AsyncStdLoop> {
        Some(Runtime::global())
    }
}

#[cfg(not(feature = "async-std"))]
pub(crate) mod async_std {
    pub(crate) use crate::absent::Absent as Runtime;

    pub(crate) fn entry() -> Option<Runtime> {
        None
    }
}

#[cfg(feature = "sim")]
pub(crate) mod sim {
    pub(crate) use carafe_sim::Sim as Runtime;
    use carafe_sim::SimLoop;

    pub(crate) fn entry(seed: u64) -> Option<SimLoop> {
        Some(Runtime::seeded(seed))
    }
}

#[cfg(not(feature = "sim"))]
pub(crate) mod sim {
    pub(crate) use crate::absent::Absent as Runtime;

    pub(crate) fn entry(_seed: u64) -> Option<Runtime> {
        None
    }
}
