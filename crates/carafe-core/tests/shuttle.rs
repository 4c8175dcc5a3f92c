//! The nursery's mechanism under shuttle, which tries the orders in which threads can meet.
//!
//! Off by default; on with `RUSTFLAGS="--cfg shuttle" cargo test -p carafe-core --test shuttle`, in a
//! target directory of its own. The loop here is the smallest there is: a thread for each task.
#![cfg(shuttle)]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use carafe_core::rt::{
    Blocking, Clock, ConnectOptions, Enter, EnterError, Job, ListenOptions, Meta, Net, Random,
    Runtime, Sleep, Spawn,
};
use carafe_core::{
    CancelScope, Limiter, Nursery, Runner, Started, checkpoint, is_cancelled, nursery_with, shield,
    task_local, to_thread,
};
use carafe_sim::Sim;
use futures_lite::FutureExt;
use futures_lite::future::{poll_once, yield_now};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicUsize, Ordering};

/// A thread a task.
#[derive(Clone, Debug)]
struct Threads;

struct ThreadsLoop;

impl Enter for ThreadsLoop {
    type Runtime = Threads;

    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Threads) -> F,
        F: Future,
    {
        Ok(shuttle::future::block_on(main(Threads)))
    }
}

impl Runtime for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }
}

impl Spawn for Threads {
    fn spawn_detached<F>(&self, _: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        shuttle::thread::spawn(|| shuttle::future::block_on(task));
    }
}

/// A sleep that never ends: time does not pass here.
struct Forever(Instant);

impl Future for Forever {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Forever {
    fn deadline(&self) -> Instant {
        self.0
    }

    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0 = deadline;
    }
}

impl Clock for Threads {
    type Sleep = Forever;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep_until(&self, deadline: Instant) -> Forever {
        Forever(deadline)
    }
}

impl Random for Threads {
    fn fill_random(&self, buf: &mut [u8]) {
        buf.fill(4);
    }
}

impl Blocking for Threads {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        shuttle::thread::spawn(job);
        Ok(())
    }
}

/// No network: the simulator's types stand in for it.
impl Net for Threads {
    type TcpStream = <Sim as Net>::TcpStream;
    type TcpListener = <Sim as Net>::TcpListener;

    async fn bind(&self, _: SocketAddr, _: ListenOptions) -> io::Result<Self::TcpListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, _: SocketAddr, _: ConnectOptions) -> io::Result<Self::TcpStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

type N = Nursery<String, Threads>;

/// Tries many orders of what `main` does; when it returns, nobody of the run is left.
fn explore<F>(main: impl Fn(Threads) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()>,
{
    try_orders(move || Runner::new(ThreadsLoop).try_run(&main).expect("nobody cancels the run"));
}

/// Runs `body` in many orders: half of them drawn at every step, half with priorities that change at
/// a few steps, which finds what needs one thread to stop at one place for long.
fn try_orders(body: impl Fn() + Send + Sync + 'static) {
    let body = Arc::new(body);
    let again = body.clone();
    shuttle::check_random(move || body(), 1500);
    shuttle::check_pct(move || again(), 1500, 4);
}

/// Counts how many are alive.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

/// One of those that are alive.
struct One(Alive);

impl Alive {
    fn one(&self) -> One {
        self.0.fetch_add(1, Ordering::SeqCst);
        One(self.clone())
    }

    fn assert_none(&self) {
        assert_eq!(self.0.load(Ordering::SeqCst), 0, "somebody is alive");
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn forever() {
    std::future::pending().await
}

#[test]
fn cancel_meets_the_end_of_children() {
    explore(|rt| async move {
        let alive = Alive::default();
        let theirs = alive.clone();
        let ended = nursery_with(&rt, |n: N| async move {
            for turns in 0..3 {
                let one = theirs.one();
                n.spawn(async move {
                    let _one = one;
                    for _ in 0..turns {
                        yield_now().await;
                    }
                    Ok(())
                });
            }
            n.cancel();
            yield_now().await;
            Ok(1)
        });
        let _ = ended.await;
        alive.assert_none();
    });
}

#[test]
fn a_failure_meets_a_cancel_from_another_thread() {
    explore(|rt| async move {
        let alive = Alive::default();
        let theirs = alive.clone();
        let ended = nursery_with(&rt, |n: N| async move {
            let (one, two) = (theirs.one(), theirs.one());
            n.spawn(async move {
                let _one = one;
                forever().await;
                Ok(())
            });
            n.spawn(async move {
                let _two = two;
                yield_now().await;
                Err("failed".into())
            });
            let foreign = n.clone();
            shuttle::thread::spawn(move || foreign.cancel());
            forever().await;
            Ok(())
        });
        assert!(ended.await.is_err());
        alive.assert_none();
    });
}

#[test]
fn adoption_meets_the_end_of_the_adopted() {
    explore(|rt| async move {
        let alive = Alive::default();
        let theirs = alive.clone();
        let around = rt.clone();
        let ended = nursery_with(&rt, |_: N| async move {
            let one = theirs.one();
            let inner = nursery_with(&around, |n: N| async move {
                n.spawn(async move {
                    let _one = one;
                    shield(yield_now()).await;
                    yield_now().await;
                    Ok(())
                });
                forever().await;
                Ok(())
            });
            // Foreign code drops it after one poll.
            let mut inner = Box::pin(inner);
            let _ = poll_once(&mut inner).await;
            drop(inner);
            Ok(())
        });
        ended.await.expect("the adopted child is no failure");
        alive.assert_none();
    });
}

#[test]
fn adoption_in_a_chain_meets_a_cancel() {
    explore(|rt| async move {
        let alive = Alive::default();
        let theirs = alive.clone();
        let around = rt.clone();
        let ended = nursery_with(&rt, |outer: N| async move {
            let one = theirs.one();
            let deeper = around.clone();
            let inner = nursery_with(&around, |_: N| async move {
                let innermost = nursery_with(&deeper, |n: N| async move {
                    n.spawn(async move {
                        let _one = one;
                        yield_now().await;
                        forever().await;
                        Ok(())
                    });
                    forever().await;
                    Ok(())
                });
                innermost.await.map_err(|_| String::new())
            });
            let foreign = outer.clone();
            shuttle::thread::spawn(move || foreign.cancel());
            let _ = inner
                .or(async {
                    yield_now().await;
                    Ok(())
                })
                .await;
            Ok(())
        });
        let _ = ended.await;
        alive.assert_none();
    });
}

#[test]
fn a_shield_meets_a_cancel() {
    explore(|rt| async move {
        let done = Arc::new(Mutex::new(0));
        let theirs = done.clone();
        let ended = nursery_with(&rt, |n: N| async move {
            n.spawn(async move {
                shield(async {
                    yield_now().await;
                    *theirs.lock().unwrap() += 1;
                })
                .await;
                forever().await;
                Ok(())
            });
            let foreign = n.clone();
            shuttle::thread::spawn(move || foreign.cancel());
            forever().await;
            Ok(())
        });
        let _: Result<(), _> = ended.await;
        assert_eq!(*done.lock().unwrap(), 1, "the shield was interrupted");
    });
}

#[test]
fn a_scope_hears_of_its_last_hold() {
    explore(|rt| async move {
        let scope = CancelScope::new();
        let handle = scope.clone();
        shuttle::thread::spawn(move || handle.cancel());
        let of_body = rt.clone();
        let inside = async move {
            let _: Result<(), _> = nursery_with(&of_body, |n: N| async move {
                n.spawn(async {
                    shield(yield_now()).await;
                    Ok(())
                });
                forever().await;
                Ok(())
            })
            .await;
        };
        assert!(scope.run(inside).await.is_err());
    });
}

#[test]
fn a_hold_taken_late_is_given_back() {
    explore(|rt| async move {
        let scope = CancelScope::new();
        let handle = scope.clone();
        shuttle::thread::spawn(move || handle.cancel());
        let of_body = rt.clone();
        let inside = async move {
            // The body ends at once, so the last child may end while the nursery begins to wait.
            let _: Result<(), _> = nursery_with(&of_body, |n: N| async move {
                n.spawn(async {
                    yield_now().await;
                    Ok(())
                });
                Ok(())
            })
            .await;
            forever().await;
        };
        assert!(scope.run(inside).await.is_err());
    });
}

#[test]
fn a_spawn_from_outside_meets_the_close() {
    explore(|rt| async move {
        let alive = Alive::default();
        let theirs = alive.clone();
        let (sender, receiver) = shuttle::sync::mpsc::channel();
        let ended = nursery_with(&rt, |n: N| async move {
            let one = theirs.one();
            shuttle::thread::spawn(move || {
                let child = async move {
                    let _one = one;
                    yield_now().await;
                    Ok(())
                };
                sender.send(n.try_spawn(child).is_ok()).expect("the test listens");
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
        if let Ok(true) = receiver.recv() {
            // Accepted before the close or refused after it: the nursery is over either way, so
            // whoever was accepted has ended, unless it was accepted by the thread after all.
            alive.assert_none();
        }
    });
}

#[test]
fn a_closure_on_a_thread_meets_a_foreign_drop() {
    explore(|rt| async move {
        let alive = Alive::default();
        let theirs = alive.clone();
        let around = rt.clone();
        let ended = nursery_with(&rt, |_: N| async move {
            let one = theirs.one();
            let mut closure = Box::pin(to_thread(&around, move || {
                let _one = one;
                shuttle::thread::yield_now();
            }));
            let _ = poll_once(&mut closure).await;
            drop(closure);
            Ok(())
        });
        ended.await.expect("nothing fails");
        alive.assert_none();
    });
}

/// The cancel of `start`'s caller, read in a list just before the child left it, marked the child.
#[test]
fn start_meets_the_cancel_of_its_starter() {
    explore(|rt| async move {
        let ended = nursery_with(&rt, |target: N| async move {
            let starter = CancelScope::new();
            let foreign = starter.clone();
            shuttle::thread::spawn(move || foreign.cancel());
            let child = |started: Started<()>| async move {
                let inside = async {
                    yield_now().await;
                    started.started(());
                    yield_now().await;
                    assert!(!is_cancelled(), "cancelled with the scope that it has left");
                    checkpoint().await;
                };
                // Cancelled only with the starter, before it has started.
                let _ = CancelScope::new().run(inside).await;
                Ok(())
            };
            // Cancelled or not: what counts is what becomes of the child.
            let _ = starter.run(target.start(child)).await;
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// The cancel came through a shield that had gone up after the cancel had read the list of scopes.
#[test]
fn a_shield_goes_up_while_a_cancel_spreads() {
    explore(|_| async move {
        let outer = CancelScope::new();
        let foreign = outer.clone();
        shuttle::thread::spawn(move || foreign.cancel());
        let inside = async {
            let inner = CancelScope::new();
            let handle = inner.clone();
            let shielded = async {
                handle.set_shield(true);
                // Pending for ever where the cancel came through, for the shield holds the outer scope.
                checkpoint().await;
                checkpoint().await;
                handle.set_shield(false);
            };
            // Cancelled where the cancel came before the shield.
            let _ = inner.run(shielded).await;
        };
        // Cancelled or not: it has to return.
        let _ = outer.run(inside).await;
    });
}

/// The nursery returned while a child that had ended still kept the locals of its parent alive.
#[test]
fn the_locals_of_a_child_are_gone_before_its_nursery_returns() {
    task_local! {
        static LOCAL: One;
    }
    explore(|rt| async move {
        let alive = Alive::default();
        let inside = async {
            let ended = nursery_with(&rt, |n: N| async move {
                n.spawn(async {
                    yield_now().await;
                    Ok(())
                });
                Ok(())
            });
            ended.await.expect("nothing fails");
        };
        LOCAL.scope(alive.one(), inside).await;
        alive.assert_none();
    });
}

#[test]
fn a_limiter_hands_over_and_takes_back() {
    try_orders(|| {
        let limiter = Limiter::new(1);
        let users: Vec<_> = (0..3)
            .map(|user| {
                let limiter = limiter.clone();
                shuttle::thread::spawn(move || {
                    shuttle::future::block_on(async {
                        if user == 2 {
                            // Leaves the queue, perhaps with a token handed over meanwhile.
                            let mut waiting = Box::pin(limiter.acquire());
                            let _ = poll_once(&mut waiting).await;
                            return;
                        }
                        let _token = limiter.acquire().await;
                        shuttle::thread::yield_now();
                        assert_eq!(limiter.borrowed(), 1);
                    });
                })
            })
            .collect();
        users.into_iter().for_each(|user| user.join().expect("no user panics"));
        assert_eq!((limiter.borrowed(), limiter.waiting()), (0, 0));
    });
}
