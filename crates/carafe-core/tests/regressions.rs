//! Bugs that were: each test is what a user did, as small as it gets.

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use carafe_core::rt::{Blocking, Clock};
use carafe_core::{
    CancelScope, Nursery, NurseryError, NurseryOptions, Runner, checkpoint, is_cancelled, nursery,
    nursery_with, shield, spawn_task_in_run, task_local, timeout, to_thread,
};
use carafe_sim::Sim;
use carafe_tokio::Tokio;
use futures_lite::FutureExt;
use futures_lite::future::{poll_once, yield_now, zip};

type N = Nursery<String, Sim>;
type Ended = Result<(), NurseryError<String>>;

// ---- a future that moves

/// A user said "this is slow" after a timeout around a borrow of a future, then awaited that future:
/// its scope stayed cancelled with the timeout that had ended, and the checkpoint in it never woke.
#[test]
fn a_future_goes_on_after_a_timeout_around_a_borrow_of_it() {
    let seen = run(|rt| async move {
        let mut work = pin!(timeout(secs(100), async {
            sleep(&rt, 10).await;
            let seen = is_cancelled();
            checkpoint().await;
            seen
        }));
        timeout(secs(1), &mut work).await.expect_err("the work is slow");
        work.await
    });
    assert_eq!(seen, Ok(false));
}

/// The same user opened a nursery in that future: it was born cancelled and never returned.
#[test]
fn a_nursery_opens_after_a_timeout_around_a_borrow_of_its_future() {
    let opened = run(|rt| async move {
        let mut work = pin!(CancelScope::new().run(async {
            sleep(&rt, 10).await;
            nursery(&rt, async |_: &N| {
                yield_now().await;
                Ok(5)
            })
            .await
            .expect("nothing fails or is cancelled")
        }));
        timeout(secs(1), &mut work).await.expect_err("the work is slow");
        work.await
    });
    assert_eq!(opened, Ok(5));
}

/// A user sent a running future out of a nursery that was cancelled: it stayed cancelled outside.
#[test]
fn a_scope_that_leaves_a_cancelled_nursery_is_not_cancelled() {
    let ended = run(|rt| async move {
        let (send, receive) = mpsc::channel();
        let left: Ended = nursery(&rt, async |n: &N| {
            let inside = async {
                sleep(&rt, 1).await;
                checkpoint().await;
            };
            let mut work = Box::pin(CancelScope::new().run(inside));
            assert!(poll_once(&mut work).await.is_none());
            n.cancel();
            send.send(work).expect("the receiver is there");
            Ok(())
        })
        .await;
        left.expect("the body had ended well");
        receive.recv().expect("the body has sent it").await
    });
    assert!(ended.is_ok());
}

/// A user put a second timeout around the same future: its node took the memory of the first one's,
/// was taken for that, and dropped the future in the middle of a shield.
#[test]
fn a_second_timeout_at_the_address_of_the_first_is_held_by_a_shield_inside() {
    let saved = run(|rt| async move {
        let saved = AtomicBool::new(false);
        let mut work = Box::pin(CancelScope::new().run(async {
            sleep(&rt, 3).await;
            shield(sleep(&rt, 10)).await;
            saved.store(true, Ordering::SeqCst);
        }));
        timeout(secs(1), &mut work).await.expect_err("the work is slow");
        // In time or not: what counts is that the shield was not interrupted.
        let _ = timeout(secs(5), work).await;
        saved.into_inner()
    });
    assert!(saved, "the shield was interrupted");
}

/// A user sent a nursery that was waiting for its children to another task, and the first task ended:
/// the last child's end woke nobody.
#[test]
fn a_nursery_that_moved_returns_although_its_first_task_has_ended() {
    let log = Log::default();
    let theirs = log.clone();
    run(|rt| async move {
        let (send, receive) = mpsc::channel();
        let around: Ended = nursery(&rt, async |n: &N| {
            let (first, second) = (rt.clone(), rt.clone());
            n.spawn(async move {
                let mut inner = Box::pin(stuck(&first, &theirs));
                assert!(poll_once(&mut inner).await.is_none());
                yield_now().await;
                send.send(inner).expect("the receiver is there");
                Ok(())
            });
            n.spawn(async move {
                sleep(&second, 1).await;
                let ended = receive.recv().expect("the first task has sent it").await;
                assert!(matches!(ended, Err(NurseryError::Cancelled(_))));
                Ok(())
            });
            Ok(())
        })
        .await;
        around.expect("nothing fails");
    });
    assert_eq!(log.take(), ["saved"]);
}

/// A client left while its handler was in a shield in a nursery: the handler moved to another task,
/// its first task ended before the new one had begun, and the shield was interrupted.
#[test]
fn a_shield_in_a_nursery_s_body_survives_the_move_of_its_task() {
    let log = Log::default();
    let theirs = log.clone();
    run(|rt| async move {
        let around: Ended = nursery(&rt, async |n: &N| {
            let (server, of_connection) = (n.clone(), rt.clone());
            n.spawn(async move {
                let client = CancelScope::new();
                let mut handler = Box::pin(client.run(handle(of_connection.clone(), theirs)));
                assert!(poll_once(&mut handler).await.is_none());
                sleep(&of_connection, 1).await;
                assert!(poll_once(&mut handler).await.is_none());
                client.cancel();
                assert!(client.is_held());
                server.spawn(async move {
                    // Cancelled or ready: the last poll of what is inside decides.
                    let _ = handler.await;
                    Ok(())
                });
                Ok(())
            });
            Ok(())
        })
        .await;
        around.expect("nothing fails");
    });
    assert_eq!(log.take(), ["saved"], "the shield was interrupted");
}

/// Opens a nursery with a shield in its body, and a shorter one in a child.
async fn handle(rt: Sim, log: Log) {
    let (of_body, of_child) = (rt.clone(), rt.clone());
    let open = nursery_with(&rt, |n: N| async move {
        n.spawn(async move {
            shield(sleep(&of_child, 3)).await;
            Ok(())
        });
        shield(sleep(&of_body, 5)).await;
        log.push("saved");
        Ok(())
    });
    // Cancelled with the client, once the shields are over.
    let _ = open.await;
}

// ---- scopes

/// A user raised a scope's shield before anything was cancelled: the cancellation that came later went
/// through, and the scope hung in it.
#[test]
fn a_raised_shield_keeps_out_a_cancellation_that_comes_later() {
    let seen = run(|rt| async move {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        inner.set_shield(true);
        let seen = Mutex::new(None);
        let shielded = inner.run(async {
            outer.cancel();
            *seen.lock().unwrap() = Some(is_cancelled());
            checkpoint().await;
            sleep(&rt, 1).await;
        });
        // Cancelled or ready: the last poll of what is inside decides.
        let _ = outer.run(shielded).await;
        seen.into_inner().unwrap()
    });
    assert_eq!(seen, Some(false));
}

/// A user raised the shield of the scope that they were in: the same.
#[test]
fn a_shield_that_goes_up_while_the_scope_runs_keeps_a_cancellation_out() {
    let seen = run(|rt| async move {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let seen = Mutex::new(None);
        let shielded = inner.run(async {
            yield_now().await;
            inner.set_shield(true);
            sleep(&rt, 1).await;
            outer.cancel();
            *seen.lock().unwrap() = Some(is_cancelled());
            checkpoint().await;
            sleep(&rt, 1).await;
            inner.set_shield(false);
            sleep(&rt, 1).await;
        });
        assert!(outer.run(shielded).await.is_err());
        seen.into_inner().unwrap()
    });
    assert_eq!(seen, Some(false));
}

/// A user cancelled a scope in a scope that was cancelled and held already: the inner one was not woken
/// to act on it, so under a combinator that polls only woken children it lived on.
#[test]
fn a_scope_hears_of_its_own_cancellation_inside_a_cancelled_one() {
    let log = Log::default();
    let theirs = log.clone();
    run(|rt| async move {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let guard = OnDrop(|| theirs.push("inner"));
        let dropped = async {
            let inside = async move {
                let _guard = guard;
                forever::<()>().await
            };
            inner.run(inside).await.expect_err("it never ends by itself");
        };
        let holds = shield(async {
            sleep(&rt, 1).await;
            outer.cancel();
            sleep(&rt, 1).await;
            inner.cancel();
            sleep(&rt, 1).await;
            theirs.push("later");
        });
        let both = zip(only_woken(dropped), only_woken(holds));
        // Cancelled or ready: the last poll of what is inside decides.
        let _ = outer.run(both).await;
    });
    assert_eq!(log.take(), ["inner", "later"]);
}

/// A user asked a scope that had ended in time whether it had timed out: after the deadline it said so.
#[test]
fn a_scope_that_has_ended_is_not_cancelled_by_its_deadline() {
    let is_cancelled = run(|rt| async move {
        let scope = CancelScope::after(secs(5));
        scope.run(sleep(&rt, 1)).await.expect("it ends in time");
        sleep(&rt, 10).await;
        scope.is_cancelled()
    });
    assert!(!is_cancelled);
}

// ---- nurseries

/// A user leaked a nursery with a nursery in its body: nobody waited for the inner one's child.
#[test]
fn a_leaked_nursery_in_a_leaked_nursery_is_waited_for() {
    let log = Log::default();
    let theirs = log.clone();
    let at_return = run(|rt| async move {
        let of_child = rt.clone();
        let leaks = theirs.clone();
        let around: Ended = nursery(&rt, async |n: &N| {
            n.spawn(async move {
                leak_nested(&of_child, &leaks).await;
                Ok(())
            });
            Ok(())
        })
        .await;
        around.expect("nothing fails");
        theirs.take()
    });
    assert_eq!(at_return, ["saved"], "the nursery returned before the leaked child had ended");
}

/// A user leaked such a nursery in the main function: the run returned, and the child was cut off.
#[test]
fn a_run_waits_for_a_leaked_nursery_in_a_leaked_nursery() {
    let log = Log::default();
    let theirs = log.clone();
    run(|rt| async move { leak_nested(&rt, &theirs).await });
    assert_eq!(log.take(), ["saved"], "the run returned before the leaked child had ended");
}

/// Leaks a nursery whose body awaits another one that is [`stuck`].
async fn leak_nested(rt: &Sim, log: &Log) {
    let inner = stuck(rt, log);
    let outer = |_: N| async { inner.await.map_err(|_| "the inner one is stuck".to_owned()) };
    let mut outer = Box::pin(nursery_with(rt, outer));
    assert!(poll_once(&mut outer).await.is_none());
    yield_now().await;
    std::mem::forget(outer);
}

/// A user's hook for failures panicked: the end of the child that had failed was cut short, so that
/// nobody looked for what it had leaked.
#[test]
fn a_panic_in_a_supervisor_s_hook_leaves_the_end_of_its_child_whole() {
    let log = Log::default();
    let theirs = log.clone();
    let at_return = run(|rt| async move {
        let (of_child, leaks) = (rt.clone(), theirs.clone());
        let hook = |_: &_, _| panic!("the hook panics");
        let open = NurseryOptions::new().supervised(hook).open(&rt, |n: N| async move {
            n.spawn(async move {
                leak_nested(&of_child, &leaks).await;
                Err("fails".into())
            });
            Ok(())
        });
        open.await.expect("the failure was for the hook");
        theirs.take()
    });
    assert_eq!(at_return, ["saved"], "the nursery returned before the leaked child had ended");
}

/// A user kept a handle to the innermost of many nurseries: it kept all of them alive, and its drop
/// overflowed the stack.
#[test]
fn a_handle_to_a_nursery_that_has_ended_is_dropped_on_a_small_stack() {
    fn level(
        rt: Sim,
        left: usize,
        keep: mpsc::Sender<N>,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        Box::pin(async move {
            let of_child = rt.clone();
            let open = nursery_with(&rt, |n: N| async move {
                match left {
                    0 => keep.send(n).expect("the receiver is there"),
                    _ => n.spawn(level(of_child, left - 1, keep)),
                }
                Ok(())
            });
            open.await.map_err(|_| "an inner nursery failed".to_owned())
        })
    }
    let (keep, kept) = mpsc::channel();
    run(|rt| async move { level(rt, 100_000, keep).await }).expect("nothing fails");
    watched(move || drop(kept.recv().expect("the innermost nursery was opened")));
}

/// A user joined a task of the run that had panicked: the run isolates failures, so nobody was
/// cancelled, and the joiner waited for ever.
#[test]
fn join_of_a_task_that_panicked_in_the_run_s_nursery_panics() {
    let joined = run(|rt| async move {
        let task = spawn_task_in_run(&rt, async { panic!("the task panics") });
        AssertUnwindSafe(task.join()).catch_unwind().await
    });
    let panic: Result<(), _> = joined;
    let panic = panic.expect_err("there is no value");
    let text = panic.downcast_ref::<String>().expect("the panic has a text");
    assert!(text.contains("the task panicked"), "{text}");
    assert!(text.contains("await the handle instead"), "{text}");
}

// ---- task-local values

/// A user's first request with a timeout started the run's timers: they kept its locals to the end.
#[test]
fn the_locals_around_the_first_timeout_are_dropped_with_their_scope() {
    task_local! {
        static REQUEST: OnDrop<Box<dyn Fn() + Send + Sync>>;
    }
    let log = Log::default();
    let at_end = run(|rt| async move {
        let theirs = log.clone();
        let request = OnDrop(Box::new(move || theirs.push("request")) as Box<_>);
        let inside = async { timeout(secs(5), sleep(&rt, 1)).await.expect("it ends in time") };
        REQUEST.scope(request, inside).await;
        sleep(&rt, 100).await;
        log.take()
    });
    assert_eq!(at_end, ["request"]);
}

/// A user's guard logged with the request's id when its future was cancelled: the id was gone.
#[test]
fn a_destructor_sees_the_locals_of_its_future() {
    task_local! {
        static REQUEST: u8;
    }
    let seen = run(|_| async move {
        let (tell, told) = mpsc::channel();
        let inside = async {
            let _guard = OnDrop(|| tell.send(REQUEST.get().map(|id| *id)).unwrap());
            forever::<()>().await
        };
        timeout(secs(1), REQUEST.scope(7, inside)).await.expect_err("it never ends by itself");
        told.recv().expect("the guard was dropped")
    });
    assert_eq!(seen, Some(7));
}

// ---- threads

/// A user abandoned a closure whose value used the blocking threads when it was dropped: its own thread
/// counted as idle meanwhile, so the job was queued behind the one that waited for it.
#[test]
fn a_value_whose_destructor_waits_for_a_thread_gets_one() {
    let (tell, told) = mpsc::channel();
    watched(move || {
        let ended = Runner::new(Tokio::current_thread()).try_run(|rt| async move {
            let (abandon, abandoned) = mpsc::channel();
            let of_value = rt.clone();
            let mut closure = Box::pin(
                to_thread(&rt, move || {
                    abandoned.recv().expect("the test abandons it");
                    OnDrop(move || {
                        let (done, ended) = mpsc::channel();
                        let job = Box::new(move || done.send(()).expect("the destructor waits"));
                        of_value.spawn_blocking(job).expect("there are threads");
                        ended.recv().expect("the job runs");
                        tell.send(()).expect("the test listens");
                    })
                })
                .abandon_on_cancel(),
            );
            assert!(poll_once(&mut closure).await.is_none());
            drop(closure);
            abandon.send(()).expect("the closure listens");
        });
        ended.expect("nobody cancels the run");
        told.recv().expect("the destructor has come to its end");
    });
}

// ---- the kit

/// Runs `main` in the simulator. Where nobody can go on, the simulator says so; a loop that spins is
/// seen by the watchdog.
fn run<F>(main: impl FnOnce(Sim) -> F + Send + 'static) -> F::Output
where
    F: Future<Output: Send + 'static>,
{
    watched(|| Runner::new(Sim::fifo()).try_run(main).unwrap_or_else(|error| panic!("{error}")))
}

/// Calls `body` on a thread of its own, and fails where that hangs.
fn watched<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || done.send(body()));
    match ended.recv_timeout(secs(60)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            panic::resume_unwind(thread.join().expect_err("without a value there is a panic"))
        }
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn sleep(rt: &Sim, seconds: u64) {
    rt.sleep_until(rt.now() + secs(seconds)).await;
}

async fn forever<T>() -> T {
    std::future::pending().await
}

/// A nursery whose body never ends, with a child that cannot be cancelled for five seconds.
fn stuck(rt: &Sim, log: &Log) -> impl Future<Output = Ended> + Send + use<> {
    let (of_child, log) = (rt.clone(), log.clone());
    nursery_with(rt, |n: N| async move {
        n.spawn(async move {
            shield(sleep(&of_child, 5)).await;
            log.push("saved");
            Ok(())
        });
        forever().await
    })
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn push(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Calls the closure when it is dropped.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Polls its future only where that was woken itself, as large joins poll each of theirs.
struct OnlyWoken<F> {
    future: Pin<Box<F>>,
    flag: Arc<Flag>,
}

struct Flag {
    is_woken: AtomicBool,
    parent: Mutex<Waker>,
}

fn only_woken<F: Future>(future: F) -> OnlyWoken<F> {
    let parent = Mutex::new(Waker::noop().clone());
    let flag = Flag { is_woken: AtomicBool::new(true), parent };
    OnlyWoken { future: Box::pin(future), flag: Arc::new(flag) }
}

impl<F: Future> Future for OnlyWoken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        *self.flag.parent.lock().unwrap() = cx.waker().clone();
        if !self.flag.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(self.flag.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        let parent = self.parent.lock().unwrap().clone();
        parent.wake();
    }
}
