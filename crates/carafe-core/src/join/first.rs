use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::then::Then;
use crate::atomics::Mutex;
use crate::nursery::{Errors, NurseryOptions};
use crate::rt::Runtime;

/// Runs `futures` side by side and gives the first value that one of them ends with; the others are
/// cancelled.
///
/// It returns when all have ended; a value that comes after the first is dropped. An error ends the
/// future that had it and nothing else. The futures start when the result is first polled.
///
/// # Examples
///
/// Who answers first, of several that should all know:
///
/// ```
/// # use carafe_core::{Runner, join};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
/// async fn ask(mirror: &'static str) -> Result<String, String> {
///     match mirror {
///         "down" => Err("no answer".to_owned()),
///         "slow" => std::future::pending().await,
///         _ => Ok(format!("{mirror}: 42")),
///     }
/// }
/// let answer = join::any_ok(&rt, ["down", "slow", "up"].map(ask)).await;
/// assert_eq!(answer.unwrap(), "up: 42");
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// All errors, in the order in which they came, when no future has ended with a value.
///
/// # Panics
///
/// With the first panic of a future, when all the others have ended. Without futures. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the futures are cancelled and waited for.
///
/// # On drop
///
/// Foreign code that drops it hands the futures, cancelled, to the nearest nursery around.
#[track_caller]
pub fn any_ok<T, E, R, F, I>(
    rt: &R,
    futures: I,
) -> impl Future<Output = Result<T, Errors<E>>> + use<T, E, R, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    R: Runtime,
{
    let location = Location::caller();
    let ended = first(rt, "any_ok", location, futures);
    async move {
        let Ends { value, errors } = ended.await;
        match value {
            Some(value) => Ok(value),
            None => Err(Errors::from_iter(errors).unwrap_or_else(|| nobody(location))),
        }
    }
}

/// Runs `futures` side by side and gives what the first to end ends with; the others are cancelled.
///
/// It returns when all have ended; what comes after the first is dropped. The futures start when the
/// result is first polled.
///
/// # Examples
///
/// ```
/// # use carafe_core::{Runner, checkpoint, join};
/// # Runner::new(carafe_sim::Sim::seeded(1)).try_run(async |rt| {
/// let winner = join::race(&rt, [3, 1, 2].map(|steps| async move {
///     for _ in 0..steps * 100 {
///         checkpoint().await;
///     }
///     steps
/// }));
/// assert_eq!(winner.await, 1);
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// With the first panic of a future, when all the others have ended. Without futures. Outside a run.
///
/// # Cancel safety
///
/// When a scope around it is cancelled, the futures are cancelled and waited for.
///
/// # On drop
///
/// Foreign code that drops it hands the futures, cancelled, to the nearest nursery around.
#[track_caller]
pub fn race<T, R, F, I>(rt: &R, futures: I) -> impl Future<Output = T> + use<T, R, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
    R: Runtime,
{
    let location = Location::caller();
    // Kept apart from the iterator's type, which would have to be named in what is captured.
    let futures = futures.into_iter().map(|future| Then::new(future, Ok::<T, Infallible>));
    let ended = first(rt, "race", location, futures);
    async move { ended.await.value.unwrap_or_else(|| nobody(location)) }
}

/// How the futures have ended, until one has ended with a value.
struct Ends<T, E> {
    value: Option<T>,
    errors: Vec<E>,
}

/// Runs the futures until one has a value, which cancels the rest.
fn first<T, E, R, F, I>(
    rt: &R,
    name: &'static str,
    location: &'static Location<'static>,
    futures: I,
) -> impl Future<Output = Ends<T, E>> + use<T, E, R, F, I>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    R: Runtime,
{
    let ours = Arc::new(Mutex::new(Ends { value: None, errors: Vec::new() }));
    let ends = ours.clone();
    let children = NurseryOptions::<Infallible>::new().name(name).open(rt, |n| async move {
        for future in futures {
            let (nursery, ends) = (n.clone(), ends.clone());
            let child = Then::new(future, move |ended| {
                let late = {
                    let mut ends = ends.lock().expect("nothing panics under this lock");
                    match ended {
                        Ok(value) if ends.value.is_none() => {
                            ends.value = Some(value);
                            None
                        }
                        Ok(late) => Some(late),
                        Err(error) => {
                            ends.errors.push(error);
                            return Ok(());
                        }
                    }
                };
                drop(late);
                nursery.cancel();
                Ok(())
            });
            n.add(None, location, child).expect("a nursery is open while its body runs");
        }
        Ok(())
    });
    async move {
        // No child fails, and that the nursery was cancelled is how this ends: what counts is who has
        // ended until then.
        let _ = children.await;
        let mut ends = ours.lock().expect("nothing panics under this lock");
        Ends { value: ends.value.take(), errors: std::mem::take(&mut ends.errors) }
    }
}

fn nobody(location: &'static Location<'static>) -> ! {
    panic!(
        "nobody can be the first at {location}: there were no futures, or the task that polled them \
         before has ended"
    )
}
