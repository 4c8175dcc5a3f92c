use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::then::Then;
use crate::atomics::{Mutex, MutexGuard};
use crate::cancel::Cause;
use crate::nursery::{NurseryError, NurseryOptions};
use crate::rt::Runtime;

/// Runs `futures` side by side and gives their values, in the order of the futures.
///
/// The futures start when the result is first polled.
///
/// # Examples
///
/// ```
/// # use carafe_core::{Runner, checkpoint, join};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
/// let squares = join::all(&rt, (1..4).map(|n| async move {
///     checkpoint().await;
///     Ok::<_, std::io::Error>(n * n)
/// }));
/// assert_eq!(squares.await?, [1, 4, 9]);
/// # Ok::<_, carafe_core::NurseryError<std::io::Error>>(())
/// # }).unwrap().unwrap();
/// ```
///
/// # Errors
///
/// [`NurseryError::Failed`]: the first error cancels the other futures; those that they end with
/// nevertheless are there too, in the order in which they came. [`NurseryError::Cancelled`] only if
/// this was polled in a task that has ended since.
///
/// # Panics
///
/// With the first panic of a future, when all the others have ended. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the futures are cancelled and waited for; the values of those
/// that have ended are dropped.
///
/// # On drop
///
/// Foreign code that drops it hands the futures, cancelled, to the nearest nursery around.
#[track_caller]
pub fn all<T, E, R, F, I>(
    rt: &R,
    futures: I,
) -> impl Future<Output = Result<Vec<T>, NurseryError<E>>> + use<T, E, R, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    R: Runtime,
{
    let location = Location::caller();
    let ours = Arc::new(Places(Mutex::new(Vec::new())));
    let places = ours.clone();
    let children = NurseryOptions::new().name("all").open(rt, |n| async move {
        for future in futures {
            let (place, places) = (places.add(), places.clone());
            let child = Then::new(future, move |ended: Result<T, E>| {
                places.fill(place, ended?);
                Ok(())
            });
            n.add(None, location, child).expect("a nursery is open while its body runs");
        }
        Ok(())
    });
    async move {
        children.await?;
        // One that is missing was cancelled though nobody here could: with the task that this was
        // polled in before.
        ours.take().ok_or(NurseryError::Cancelled(Cause::Dropped))
    }
}

/// A place for the value of each future.
struct Places<T>(Mutex<Vec<Option<T>>>);

impl<T> Places<T> {
    fn lock(&self) -> MutexGuard<'_, Vec<Option<T>>> {
        self.0.lock().expect("nothing panics under this lock")
    }

    fn add(&self) -> usize {
        let mut values = self.lock();
        values.push(None);
        values.len() - 1
    }

    fn fill(&self, place: usize, value: T) {
        self.lock()[place] = Some(value);
    }

    /// The values, if none is missing.
    fn take(&self) -> Option<Vec<T>> {
        let values = std::mem::take(&mut *self.lock());
        values.into_iter().collect()
    }
}
