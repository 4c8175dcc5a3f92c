use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;

use super::then::Then;
use crate::atomics::{Mutex, MutexGuard};
use crate::context;
use crate::nursery::{NurseryFuture, NurseryOptions};
use crate::rt::Runtime;
use crate::wait_list::refresh;

/// Runs `futures` side by side and gives what they end with, one after the other, as they end.
///
/// An error is a result like any other: it cancels nobody. The futures start when the first result is
/// asked for, and go on while nobody asks.
///
/// # Examples
///
/// ```
/// # use carafe_core::{Runner, checkpoint, join};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
/// let mut ended = join::as_completed(&rt, [300, 100, 200].map(|steps| async move {
///     for _ in 0..steps {
///         checkpoint().await;
///     }
///     steps
/// }));
/// assert_eq!(ended.next().await, Some(100));
/// assert_eq!(ended.next().await, Some(200));
/// assert_eq!(ended.next().await, Some(300));
/// assert_eq!(ended.next().await, None);
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// Outside a run. With the first panic of a future, from [`next`](AsCompleted::next), when all the
/// others, cancelled, have ended.
#[track_caller]
pub fn as_completed<R, F, I>(rt: &R, futures: I) -> AsCompleted<F::Output>
where
    I: IntoIterator<Item = F>,
    F: Future<Output: Send> + Send + 'static,
    R: Runtime,
{
    let location = Location::caller();
    // Now, so that the stream's type does not have the iterator's, nor its lifetime.
    let futures: Vec<F> = futures.into_iter().collect();
    let queue = Arc::new(Queue(Mutex::new(State { ended: VecDeque::new(), waker: None })));
    let ours = queue.clone();
    let nursery = NurseryOptions::<Infallible>::new().name("as_completed").open(rt, |n| {
        StartAll(Some(Box::new(move || {
            for future in futures {
                let queue = queue.clone();
                let child = Then::new(future, move |output| {
                    queue.push(output);
                    Ok(())
                });
                n.add(None, location, child).expect("a nursery is open while its body runs");
            }
        })))
    });
    AsCompleted { nursery: Some(nursery), queue: ours }
}

/// A stream of what futures end with, in the order of their ends; made by [`as_completed`].
///
/// # Cancel safety
///
/// An open one is an open nursery: when a scope around it is cancelled, the futures are cancelled and
/// waited for.
///
/// # On drop
///
/// The futures that have not ended are cancelled and handed to the nearest nursery around, which waits
/// for them.
#[must_use = "a stream does nothing until it is asked for its items"]
pub struct AsCompleted<T> {
    /// None once all have ended.
    nursery: Option<NurseryFuture<StartAll, Infallible>>,
    queue: Arc<Queue<T>>,
}

impl<T> AsCompleted<T> {
    /// The result of the next future to end; none when all have ended and were asked for.
    ///
    /// # Panics
    ///
    /// With the first panic of a future.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no result.
    pub async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_ended(cx)).await
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(nursery) = &mut self.nursery
            // An error is a cancellation, with the task that this was polled in before: what has ended
            // until then is there.
            && Pin::new(nursery).poll(cx).is_ready()
        {
            self.nursery = None;
        }
        ready!(context::poll_budget(cx));
        match self.queue.pop(cx) {
            Some(output) => {
                context::spend();
                Poll::Ready(Some(output))
            }
            None if self.nursery.is_none() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<T> Stream for AsCompleted<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_ended(cx)
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("nursery", &self.nursery).finish_non_exhaustive()
    }
}

/// The nursery's body: starts the children and ends.
struct StartAll(Option<Box<dyn FnOnce() + Send>>);

impl Future for StartAll {
    type Output = Result<(), Infallible>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(start) = self.0.take() {
            start();
        }
        Poll::Ready(Ok(()))
    }
}

/// What the children have ended with and nobody has taken yet.
struct Queue<T>(Mutex<State<T>>);

struct State<T> {
    ended: VecDeque<T>,
    /// Of whoever waits for the next one.
    waker: Option<Waker>,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().expect("nothing panics under this lock")
    }

    fn push(&self, output: T) {
        let waker = {
            let mut state = self.lock();
            state.ended.push_back(output);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next one; if there is none, whoever polls is woken when there is.
    fn pop(&self, cx: &Context<'_>) -> Option<T> {
        let (output, old) = {
            let mut state = self.lock();
            match state.ended.pop_front() {
                Some(output) => (Some(output), None),
                None => match &mut state.waker {
                    Some(waker) => (None, refresh(waker, cx.waker())),
                    slot => (None, slot.replace(cx.waker().clone())),
                },
            }
        };
        drop(old);
        output
    }
}
