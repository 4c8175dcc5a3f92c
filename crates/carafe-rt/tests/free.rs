//! The free functions, on every backend.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use carafe_rt::{
    Backend, CancelScope, Elapsed, Handle, NurseryError, RunError, TaskEnd, Visitor, nursery,
    nursery_with, sleep, sleep_until, spawn, timeout, to_thread,
};

type Failing = NurseryError<std::io::Error>;

#[carafe_rt::test(crate = carafe_rt)]
async fn a_nested_child_finds_its_loop() -> Result<(), Failing> {
    let outer = Handle::current().name();
    nursery(async |n| {
        n.spawn(async move {
            let inner = nursery(async |n| {
                n.spawn(async {
                    let start = carafe_rt::now();
                    sleep(Duration::ZERO).await;
                    sleep_until(start).await;
                    assert!(carafe_rt::now() >= start);
                    carafe_rt::checkpoint().await;
                    assert_eq!(to_thread(|| 1 + 1).await, 2);
                    assert_eq!(spawn(async { 3 }).await, Ok(3));
                    assert_eq!(timeout(Duration::MAX, async { 4 }).await, Ok(4));
                    Ok(())
                });
                Ok(Handle::current().name())
            });
            assert_eq!(inner.await.map_err(Failing::into_io)?, outer);
            Ok(())
        });
        Ok(())
    })
    .await
}

/// Lets an inner nursery's error be the outer one's.
trait IntoIo {
    fn into_io(self) -> std::io::Error;
}

impl IntoIo for Failing {
    fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_thread_finds_the_loop_of_its_caller() {
    let here = Handle::current().name();
    assert_eq!(to_thread(|| Handle::current().name()).await, here);
}

/// Opens a nursery on the concrete runtime.
struct NurseryOnTheBackend;

impl Visitor for NurseryOnTheBackend {
    type Out = std::pin::Pin<Box<dyn Future<Output = Result<(), Failing>> + Send>>;

    fn visit<R: carafe_rt::rt::Runtime>(self, rt: &R) -> Self::Out {
        let expected = rt.name();
        Box::pin(carafe_core::nursery_with(rt, move |n| async move {
            n.spawn(async move {
                let found = Handle::try_current().map_err(std::io::Error::other)?.name();
                assert_eq!(found, expected);
                sleep(Duration::ZERO).await;
                Ok(())
            });
            Ok(())
        }))
    }
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_child_of_the_concrete_backend_finds_the_handle() -> Result<(), Failing> {
    Handle::current().visit(NurseryOnTheBackend).await
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_run_inside_a_run_is_refused() {
    for backend in [Backend::tokio(), Backend::tokio_current_thread(), Backend::smol()] {
        let refused = carafe_rt::try_run_on(backend, async {});
        assert!(matches!(refused, Err(RunError::FromInside)), "{refused:?}");
    }
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_task_of_the_run_gives_its_value_or_says_why_not() {
    assert_eq!(spawn(async { "value" }).await, Ok("value"));
    let panicked = spawn(async { panic!("as the test wants") });
    assert_eq!(panicked.await, Err::<(), _>(TaskEnd::Panicked));
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_task_of_the_run_outlives_the_scope_that_it_was_spawned_in() {
    let scope = CancelScope::new();
    let mut task = None;
    let body = scope.run(async {
        scope.cancel();
        task = Some(Handle::current().spawn(async {
            carafe_rt::checkpoint().await;
            1
        }));
    });
    body.await.expect("the body ends without a suspension");
    assert_eq!(task.expect("it was spawned").await, Ok(1));
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_task_of_the_run_may_be_cancelled_alone() {
    let task = spawn(pending::<()>());
    task.cancel();
    assert_eq!(task.await, Err(TaskEnd::Cancelled));
}

#[test]
fn a_run_waits_for_a_task_whose_handle_was_dropped() {
    for backend in Backends::all() {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        carafe_rt::run_on(backend, async move {
            drop(spawn(async move {
                to_thread(|| ()).await;
                seen.store(true, Ordering::SeqCst);
            }));
        });
        assert!(ended.load(Ordering::SeqCst));
    }
}

/// Every backend that there is, where a test is about `run` itself.
struct Backends;

impl Backends {
    fn all() -> [Backend; 5] {
        [
            Backend::tokio(),
            Backend::tokio_current_thread(),
            Backend::smol().threads(2),
            Backend::async_std(),
            Backend::sim(1),
        ]
    }
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_timeout_of_nothing_ends_what_never_ends() {
    let ended = timeout(Duration::ZERO, pending::<()>()).await;
    assert!(matches!(ended, Err(Elapsed { .. })), "{ended:?}");
    assert_eq!(carafe_rt::move_on_after(Duration::ZERO, pending::<()>()).await, None);
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_task_hears_that_the_run_shuts_down() {
    let mut requested = Box::pin(carafe_rt::shutdown_requested());
    let is_ready = poll_fn(|cx| Poll::Ready(requested.as_mut().poll(cx).is_ready())).await;
    assert!(!is_ready);
    carafe_rt::shutdown::request();
    requested.await;
}

/// A body that spawns, borrows and nests is `Send` when it is written as a closure in place, so a task
/// may contain it (decision 4): this is a test that compiles.
#[carafe_rt::test(crate = carafe_rt)]
async fn a_nursery_may_be_opened_in_a_task() {
    let outer = spawn(async {
        let local = String::from("borrowed");
        nursery::<_, std::io::Error, _>(async |n| {
            n.spawn(async { Ok(()) });
            let inner = nursery::<_, std::io::Error, _>(async |m| {
                m.spawn(async { Ok(()) });
                n.spawn(async { Ok(()) });
                carafe_rt::checkpoint().await;
                Ok(local.len())
            });
            Ok(inner.await.expect("nothing fails in it"))
        })
        .await
        .expect("nothing fails in it")
    });
    assert_eq!(outer.await, Ok(8));
    let by_handle = spawn(async {
        let handle = Handle::current();
        handle.nursery::<_, std::io::Error, _>(async |n| Ok(n.live())).await.expect("it is empty")
    });
    assert_eq!(by_handle.await, Ok(0));
    let named = spawn(nursery_with(|n: carafe_rt::Nursery<std::io::Error>| async move {
        n.spawn(async { Ok(()) });
        Ok(1)
    }));
    assert_eq!(named.await.expect("it ends").expect("nothing fails in it"), 1);
}
