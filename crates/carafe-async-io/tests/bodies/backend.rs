//! What each real backend's tests ask of it, written once: the `backend_tests!` macro makes one
//! `#[test]` of each body for a recipe.
//!
//! Here is what the conformance suite does not see because it is about threads, real sockets of the
//! system and the process around the loop.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use carafe_core::rt::{
    Blocking, ByteStream, Clock, ConnectOptions, Enter, EnterError, ListenOptions, Listener, Meta,
    Net, ReadBuf, Runtime, Signal, SignalStream, Signals, Sleep, Spawn,
};
use event_listener::Event;

const LOCALHOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

macro_rules! backend_tests {
    ($recipe:expr; $($body:ident)*) => {
        $(
            #[test]
            fn $body() {
                $crate::backend::$body(|| $recipe);
            }
        )*
    };
    ($recipe:expr) => {
        $crate::backend::backend_tests! { $recipe;
            a_sleep_made_on_a_foreign_thread_ends
            an_ended_sleep_stays_ready_and_can_be_reset
            a_loop_is_not_entered_inside_another
            a_blocking_job_may_enter_a_loop
            a_foreign_thread_can_spawn
            a_task_that_panics_takes_nobody_along
            a_panic_of_main_is_passed_on_and_the_thread_may_enter_again
            a_large_main_future_fits_on_the_stack
            a_dropped_stream_is_the_end_for_its_peer
            a_shut_down_stream_goes_on_reading
            more_than_the_sockets_hold_passes_in_order
            a_port_in_use_is_an_error
            nobody_listening_is_an_error
            a_name_is_resolved
            a_signal_is_heard
        }
    };
}
pub(crate) use backend_tests;

pub(crate) fn a_sleep_made_on_a_foreign_thread_ends<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let maker = rt.clone();
        let deadline = rt.now() + Duration::from_millis(1);
        let made = thread::spawn(move || maker.sleep_until(deadline));
        made.join().expect("no runtime is needed on the thread").await;
        assert!(rt.now() >= deadline);
    });
}

pub(crate) fn an_ended_sleep_stays_ready_and_can_be_reset<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let mut sleep = pin!(rt.sleep_until(rt.now()));
        sleep.as_mut().await;
        sleep.as_mut().await;

        let later = rt.now() + Duration::from_millis(1);
        sleep.as_mut().reset(later);
        assert_eq!(sleep.deadline(), later);
        sleep.as_mut().await;
        assert!(rt.now() >= later);
    });
}

pub(crate) fn a_loop_is_not_entered_inside_another<E: Enter>(
    recipe: impl Fn() -> E + Send + Sync + 'static,
) {
    run(recipe(), async |rt| {
        let enter = move || recipe().block_on(async |_| ()).err();
        assert!(matches!(enter(), Some(EnterError::Inside)), "in main");

        let refused = spawn(&rt, async move { enter() }).await;
        assert!(matches!(refused, Some(EnterError::Inside)), "in a task");
    });
}

pub(crate) fn a_blocking_job_may_enter_a_loop<E: Enter>(recipe: impl Fn() -> E + Send + 'static) {
    run(recipe(), async |rt| {
        let (answer, told) = oneshot();
        let job = move || {
            let inner = recipe().block_on(async |_| recipe().block_on(async |_| ()).is_err());
            answer(inner.expect("the thread is in no loop"));
        };
        rt.spawn_blocking(Box::new(job)).expect("there is a thread");
        assert!(told.await, "inside the second loop, a third one is refused");
    });
}

pub(crate) fn a_foreign_thread_can_spawn<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let (answer, told) = oneshot();
        let spawner = rt.clone();
        let foreign = thread::spawn(move || {
            spawner.spawn_detached(Meta::here("foreign"), async move { answer(7) });
        });
        assert_eq!(told.await, 7);
        foreign.join().expect("no runtime is needed on the thread");
    });
}

pub(crate) fn a_task_that_panics_takes_nobody_along<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        for _ in 0..8 {
            rt.spawn_detached(Meta::unnamed(), async { panic!("a task of somebody else's") });
        }
        assert_eq!(spawn(&rt, async { 7 }).await, 7);
    });
}

pub(crate) fn a_panic_of_main_is_passed_on_and_the_thread_may_enter_again<E: Enter>(
    recipe: impl Fn() -> E,
) {
    let entered = catch_unwind(AssertUnwindSafe(|| {
        recipe().block_on(async |rt| {
            spawn(&rt, async {}).await;
            panic!("main")
        })
    }));
    let payload = entered.map(drop).expect_err("it panicked");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"main"));

    run(recipe(), async |rt| assert_eq!(spawn(&rt, async { 7 }).await, 7));
}

/// The loops move the future that they are given from frame to frame; a test's thread has 2 MiB.
pub(crate) fn a_large_main_future_fits_on_the_stack<E: Enter>(recipe: impl Fn() -> E) {
    let large = async |rt: E::Runtime| {
        let bytes = [1_u8; 100 * 1024];
        spawn(&rt, async {}).await;
        bytes.iter().filter(|byte| **byte == 1).count()
    };
    assert_eq!(recipe().block_on(large).expect("the loop starts"), 100 * 1024);
}

pub(crate) fn a_dropped_stream_is_the_end_for_its_peer<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let (mut near, far) = connected(&rt).await.expect("the two meet");
        drop(far);
        assert_eq!(read(&mut near).await.expect("no reset"), b"");
    });
}

pub(crate) fn a_shut_down_stream_goes_on_reading<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let (mut near, mut far) = connected(&rt).await.expect("the two meet");
        write_all(&mut near, b"ask").await.expect("it is taken");
        poll_fn(|cx| near.poll_shutdown(cx)).await.expect("it is connected");
        assert_eq!(read_to_end(&mut far).await.expect("it is connected"), b"ask");

        write_all(&mut far, b"answer").await.expect("this half is open");
        drop(far);
        assert_eq!(read_to_end(&mut near).await.expect("it is connected"), b"answer");
    });
}

pub(crate) fn more_than_the_sockets_hold_passes_in_order<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let sent: Vec<u8> = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut near, mut far) = connected(&rt).await.expect("the two meet");
        let reader = spawn(&rt, async move { read_to_end(&mut far).await });

        let mut rest = &sent[..];
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len() / 2);
            let slices = [IoSlice::new(head), IoSlice::new(tail)];
            let written = poll_fn(|cx| near.poll_write_vectored(cx, &slices)).await;
            rest = &rest[written.expect("it is connected")..];
        }
        drop(near);
        assert!(reader.await.expect("it is connected") == sent);
    });
}

pub(crate) fn a_port_in_use_is_an_error<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let first = rt.bind(LOCALHOST, ListenOptions::default()).await.expect("a port is free");
        let addr = first.local_addr().expect("it is bound");
        let second = rt.bind(addr, ListenOptions::default()).await;
        assert_eq!(second.err().map(|error| error.kind()), Some(io::ErrorKind::AddrInUse));
    });
}

pub(crate) fn nobody_listening_is_an_error<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        // Bound, so that nobody else gets the port, but it does not listen.
        let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let deaf = deaf.expect("a socket is free");
        deaf.bind(&LOCALHOST.into()).expect("a port is free");
        let addr = deaf.local_addr().expect("it is bound").as_socket().expect("it is TCP's");
        let refused = rt.connect(addr, ConnectOptions::default()).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(io::ErrorKind::ConnectionRefused));
    });
}

pub(crate) fn a_name_is_resolved<E: Enter>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let found = rt.resolve("localhost", 5000).await.expect("every host knows itself");
        assert!(found.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 5000));
    });
}

pub(crate) fn a_signal_is_heard<E: Enter<Runtime: Signals>>(recipe: impl Fn() -> E) {
    run(recipe(), async |rt| {
        let mut signals = rt.signals(&[Signal::User1, Signal::User2]).expect("both are known");
        let kill = ["-USR2".to_owned(), std::process::id().to_string()];
        assert!(Command::new("kill").args(kill).status().expect("kill is there").success());
        let heard = poll_fn(|cx| signals.poll_signal(cx)).await;
        assert_eq!(heard.expect("the signal arrived"), Signal::User2);
    });
}

/// Enters the loop of `recipe` and polls what `main` makes to its end.
fn run<E: Enter, T>(recipe: E, main: impl AsyncFnOnce(E::Runtime) -> T) -> T {
    recipe.block_on(async |rt| main(rt).await).expect("the loop starts")
}

/// Spawns `task` and gives what it ends with.
fn spawn<R: Runtime, T: Send + 'static>(
    rt: &R,
    task: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> {
    let (answer, told) = oneshot();
    rt.spawn_detached(Meta::unnamed(), async move { answer(task.await) });
    told
}

/// A value on its way from one thread or task to another. Waiting for it panics when nobody can tell
/// it any more.
fn oneshot<T: Send>() -> (impl FnOnce(T) + Send, impl Future<Output = T>) {
    struct Told<T>(Mutex<Option<T>>, Event);
    struct NotifyOnDrop<T>(Arc<Told<T>>);

    impl<T> Drop for NotifyOnDrop<T> {
        fn drop(&mut self) {
            self.0.1.notify(1);
        }
    }

    let told = Arc::new(Told(Mutex::new(None), Event::new()));
    let (listener, teller) = (told.1.listen(), NotifyOnDrop(told.clone()));
    let answer = move |value| *teller.0.0.lock().unwrap() = Some(value);
    let told = async move {
        listener.await;
        told.0.lock().unwrap().take().expect("whoever was to tell it has ended without")
    };
    (answer, told)
}

type Stream<R> = <R as Net>::TcpStream;

async fn connected<R: Runtime>(rt: &R) -> io::Result<(Stream<R>, Stream<R>)> {
    let mut listener = rt.bind(LOCALHOST, ListenOptions::default()).await?;
    let near = rt.connect(listener.local_addr()?, ConnectOptions::default()).await?;
    let (far, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    assert_eq!(peer, near.local_addr()?);
    assert_eq!(far.local_addr()?, near.peer_addr()?);
    Ok((near, far))
}

async fn read(stream: &mut impl ByteStream) -> io::Result<Vec<u8>> {
    let mut space = vec![std::mem::MaybeUninit::uninit(); 16 * 1024];
    poll_fn(|cx| {
        let mut buf = ReadBuf::uninit(&mut space);
        let Poll::Ready(done) = stream.poll_read(cx, &mut buf) else { return Poll::Pending };
        Poll::Ready(done.map(|()| buf.filled().to_vec()))
    })
    .await
}

async fn read_to_end(stream: &mut impl ByteStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let some = read(stream).await?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
}

async fn write_all(stream: &mut impl ByteStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}
