use std::io;

/// A closure for a thread. It does not unwind: core has caught the panic.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// Runs closures off the loop.
pub trait Blocking {
    /// Runs `job` on a thread that may block, in the backend's context: what the backend finds
    /// ambient on its own threads (a current runtime, say) is ambient there too.
    ///
    /// Jobs run concurrently, as many as are submitted: the limit is the caller's, who queues for a
    /// [`Limiter`](crate::Limiter) first. Two jobs that wait for each other both make progress.
    ///
    /// # Errors
    ///
    /// When no thread runs and none can be started; `job` is dropped then, not run.
    ///
    /// # On drop
    ///
    /// A job that was accepted runs, also when the loop has ended meanwhile.
    fn spawn_blocking(&self, job: Job) -> io::Result<()>;
}
