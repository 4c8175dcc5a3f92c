//! What only tokio does, or does in a way of its own.

use std::future::pending;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use carafe_core::rt::{Blocking, Clock, Enter, Meta, Spawn};
use carafe_tokio::Tokio;
use tokio::runtime::Handle;

/// tokio's tasks die with their runtime, so a clean-up may rely on the drop.
#[test]
fn a_loop_that_ends_drops_its_tasks() {
    for recipe in [Tokio::multi_thread().threads(2), Tokio::current_thread()] {
        let (held, dropped) = mpsc::channel::<()>();
        let tokio = recipe.block_on(async |tokio| {
            tokio.spawn_detached(Meta::unnamed(), async move {
                let _held = held;
                pending().await
            });
            tokio
        });
        assert!(dropped.try_recv().is_err_and(|error| error == mpsc::TryRecvError::Disconnected));

        let (held, dropped) = mpsc::channel::<()>();
        let late = async move { drop(held) };
        tokio.expect("it started").spawn_detached(Meta::unnamed(), late);
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected), "spawned too late");
    }
}

/// A plain drop of tokio's runtime waits for its blocking calls for ever.
#[test]
fn a_blocking_call_that_never_ends_does_not_keep_the_loop() {
    let (release, never) = mpsc::channel::<()>();
    Tokio::multi_thread()
        .threads(1)
        .block_on(async |_| drop(tokio::task::spawn_blocking(move || never.recv())))
        .expect("it started");
    release.send(()).expect("the call still waits");
}

#[test]
fn a_job_runs_in_the_loops_context() {
    let found = Tokio::current_thread().block_on(async |tokio| {
        let (tell, told) = mpsc::channel();
        let job = move || {
            let name = thread::current().name().map(str::to_owned);
            tell.send((Handle::current().id(), name)).expect("the test waits");
        };
        tokio.spawn_blocking(Box::new(job)).expect("there is a thread");
        (told.recv().expect("the job told"), tokio.handle().id())
    });
    let ((in_job, name), of_loop) = found.expect("it started");
    assert_eq!(in_job, of_loop);
    assert_eq!(name.as_deref(), Some("carafe-blocking-1"));
}

/// Deadlines that were computed from the system's clock would never be reached by a paused one.
#[test]
fn a_paused_clock_is_the_loops_time_on_every_thread() {
    const HOUR: Duration = Duration::from_secs(3600);
    let check = async |tokio: Tokio| {
        tokio::time::pause();
        let (then, wall_then) = (tokio.now(), tokio.wall_now());
        tokio::time::advance(10 * HOUR).await;

        let foreign = tokio.clone();
        let now = thread::spawn(move || foreign.now()).join().expect("no runtime is needed");
        assert_eq!(now - then, 10 * HOUR);
        let passed = tokio.wall_now().duration_since(wall_then).expect("it goes forward");
        assert!((9 * HOUR..11 * HOUR).contains(&passed), "{passed:?}");

        tokio.sleep_until(now + HOUR).await;
        assert!(tokio.now() >= now + HOUR, "the clock moved by itself");
    };
    Tokio::current_thread().block_on(check).expect("it started");
}

#[test]
fn a_running_clock_is_the_systems() {
    let check = async |tokio: Tokio| {
        let before = (Instant::now(), SystemTime::now() - Duration::from_secs(1));
        let during = (tokio.now(), tokio.wall_now());
        let after = (Instant::now(), SystemTime::now() + Duration::from_secs(1));
        assert!(before.0 <= during.0 && during.0 <= after.0);
        assert!(before.1 <= during.1 && during.1 <= after.1);
    };
    Tokio::current_thread().block_on(check).expect("it started");
}

#[test]
fn the_current_runtime_is_found_where_there_is_one() {
    assert!(Tokio::current().is_none());
    let theirs = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    theirs.block_on(async {
        let tokio = Tokio::current().expect("it is current");
        assert_eq!(format!("{tokio:?}"), "Tokio(current thread)");
        tokio.sleep_until(tokio.now()).await;
        assert!(Tokio::multi_thread().block_on(async |_| ()).is_err(), "it is inside");
    });
}
