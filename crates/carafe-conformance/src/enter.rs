//! Entering a loop: what `rt::Enter` promises.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use carafe_core::rt::{EnterError, Runtime};
use futures_lite::future::yield_now;

use crate::Backend;
use crate::kit::Log;

/// `Enter::block_on`: it gives the value of the future that `main` made.
pub fn a_loop_gives_the_output_of_its_main_future<B: Backend>(backend: B) {
    assert_eq!(backend.enter(async |_| 8), 8);
}

/// `Enter::block_on`: the future is polled on the calling thread, so it may hold what is not `Send`.
pub fn the_main_future_stays_on_its_thread<B: Backend>(backend: B) {
    let here = thread::current().id();
    let local = Rc::new(Cell::new(0));
    let theirs = local.clone();
    backend.enter(async move |_| {
        for _ in 0..10 {
            yield_now().await;
            assert_eq!(thread::current().id(), here);
            theirs.set(theirs.get() + 1);
        }
    });
    assert_eq!(local.get(), 10);
}

/// `Enter::block_on`: the main future may borrow from the caller.
pub fn the_main_future_may_borrow<B: Backend>(backend: B) {
    let mut seen = Vec::new();
    let noted = &mut seen;
    backend.enter(move |_| async move { noted.push(1) });
    assert_eq!(seen, [1]);
}

/// `Enter::block_on`: a panic of the main future is passed on, with its payload.
pub fn a_panic_of_the_main_future_is_passed_on<B: Backend>(backend: B) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        backend.enter(async |_| {
            yield_now().await;
            panic_any(17_u8);
        })
    }));
    let payload = ended.expect_err("the panic was passed on");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
}

/// `Enter::block_on`: a panic of `main` itself is passed on too.
pub fn a_panic_of_main_is_passed_on<B: Backend>(backend: B) {
    let main = |_: B::Runtime| -> std::future::Ready<()> { panic_any(17_u8) };
    let ended = catch_unwind(AssertUnwindSafe(|| backend.enter(main)));
    let payload = ended.expect_err("the panic was passed on");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
}

/// `EnterError::Inside`: a loop of the same kind inside a loop is refused; `main` is not called, and
/// the loop outside goes on.
pub fn a_loop_inside_itself_is_refused<B: Backend>(backend: B) {
    let inner = backend.clone();
    let is_entered = Arc::new(AtomicBool::new(false));
    let entered = is_entered.clone();
    let outcome = backend.enter(async move |_| {
        let inside = inner.block_on(async move |_| entered.store(true, Ordering::SeqCst));
        yield_now().await;
        inside
    });
    assert!(matches!(outcome, Err(EnterError::Inside)), "{outcome:?}");
    assert!(!is_entered.load(Ordering::SeqCst));
}

/// `Enter`: loops are entered one after the other, on one thread.
pub fn a_loop_may_follow_another<B: Backend>(backend: B) {
    let next = backend.clone();
    assert_eq!(backend.enter(async |_| 1), 1);
    assert_eq!(next.enter(async |_| 2), 2);
}

/// `rt`: a backend is a value, so two loops live in one process, each on a thread of its own.
pub fn two_loops_live_side_by_side<B: Backend>(backend: B) {
    let other = backend.clone();
    let thread = thread::spawn(move || other.enter(async |_| 1));
    assert_eq!(backend.enter(async |_| 2), 2);
    assert_eq!(thread.join().expect("the other loop ended"), 1);
}

/// `Runtime::name`: every loop has a name, a clone of the runtime the same.
pub fn a_runtime_has_a_name<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        assert!(!rt.name().is_empty());
        assert_eq!(rt.clone().name(), rt.name());
    });
}

/// `Enter::block_on`: what the main future holds is dropped before it returns.
pub fn the_main_future_is_dropped_with_the_loop<B: Backend>(backend: B) {
    let log = Log::new();
    let held = log.on_drop("main");
    backend.enter(async move |_| {
        let _held = held;
        yield_now().await;
    });
    assert_eq!(log.entries(), ["main"]);
}
