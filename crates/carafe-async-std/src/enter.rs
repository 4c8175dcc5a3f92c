use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Poll;

use async_std::task;
use carafe_core::rt::{Enter, EnterError};

use crate::AsyncStd;

/// How to enter async-std's loop, which leaves nothing to choose.
#[derive(Debug, Clone)]
pub struct AsyncStdLoop(());

impl AsyncStdLoop {
    pub(crate) fn new() -> Self {
        AsyncStdLoop(())
    }
}

impl Enter for AsyncStdLoop {
    type Runtime = AsyncStd;

    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(AsyncStd) -> F,
        F: Future,
    {
        // Every thread that polls for async-std has a current task meanwhile.
        if task::try_current().is_some() {
            return Err(EnterError::Inside);
        }
        // Boxed, because async-std moves it through some dozen frames: a main future of a few dozen
        // kilobytes overflows the stack of a thread on the way.
        let mut main = Box::pin(async { main(AsyncStd::new()).await });
        let ended = task::block_on(async {
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| main.as_mut().poll(cx))) {
                Ok(polled) => polled.map(Ok),
                Err(payload) => Poll::Ready(Err(payload)),
            })
            .await
        });
        Ok(ended.unwrap_or_else(|payload| resume_unwind(payload)))
    }
}
