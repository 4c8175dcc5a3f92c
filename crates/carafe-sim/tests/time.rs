//! Time that jumps.

use std::future::pending;
use std::time::{Duration, Instant, SystemTime};

use carafe_core::rt::{Blocking, Clock, Enter, EnterError, Meta, Spawn};
use carafe_sim::Sim;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn a_day_of_sleeping_takes_no_time() {
    let begun = Instant::now();
    let elapsed = Sim::seeded(1).block_on(|sim| async move {
        for _ in 0..24 * 60 {
            sim.sleep_until(sim.now() + Duration::from_secs(60)).await;
        }
        sim.elapsed()
    });
    assert_eq!(elapsed.unwrap(), DAY);
    assert!(begun.elapsed() < DAY / 1000, "that took {:?}", begun.elapsed());
}

#[test]
fn the_time_of_day_begins_at_a_fixed_one_and_moves_along() {
    let read = || {
        Sim::fifo()
            .block_on(|sim| async move {
                let before = sim.wall_now();
                sim.sleep_until(sim.now() + DAY).await;
                (before, sim.wall_now())
            })
            .unwrap()
    };
    let (before, after) = read();
    assert_eq!(after.duration_since(before).unwrap(), DAY);
    assert_eq!(before.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 1_577_836_800);
    assert_eq!(read(), (before, after));
}

#[test]
fn time_stands_still_while_a_closure_runs() {
    // The closure waits for the main future's word, so the loop goes on beside it; a deadline is
    // pending all the while, and is not jumped to before the closure has ended.
    let recipe = Sim::fifo().patience(Duration::from_millis(1));
    let elapsed = recipe.block_on(|sim| async move {
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let (say, said) = std::sync::mpsc::channel();
        let its = sim.clone();
        let job = move || {
            told.recv().unwrap();
            say.send(its.elapsed()).unwrap();
        };
        sim.spawn_blocking(Box::new(job)).unwrap();
        sim.spawn_detached(Meta::unnamed(), async move { tell.send(()).unwrap() });
        sim.sleep_until(sim.now() + DAY).await;
        said.recv().unwrap()
    });
    assert_eq!(elapsed.unwrap(), Duration::ZERO);
}

#[test]
fn a_deadlock_is_reported_with_who_is_alive_and_where() {
    let ended = Sim::seeded(1).block_on(|sim| async move {
        sim.spawn_detached(Meta::here("the waiter"), pending());
        sim.spawn_detached(Meta::here("the one that ends"), async {});
        pending::<()>().await;
    });
    let Err(EnterError::Deadlock(report)) = ended else { panic!("not a deadlock: {ended:?}") };
    assert!(report.contains("the waiter"), "{report}");
    assert!(report.contains(file!()), "{report}");
    assert!(!report.contains("the one that ends"), "{report}");
}

#[test]
fn an_announced_thread_may_wake_a_task() {
    let elapsed = Sim::fifo().block_on(|sim| async move {
        let outside = sim.expect_outside();
        let (waker_out, waker_in) = std::sync::mpsc::channel::<std::task::Waker>();
        let thread = std::thread::spawn(move || {
            waker_in.recv().unwrap().wake();
            drop(outside);
        });
        let mut polled = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut polled, true) {
                return std::task::Poll::Ready(());
            }
            waker_out.send(cx.waker().clone()).unwrap();
            std::task::Poll::Pending
        })
        .await;
        thread.join().unwrap();
        sim.elapsed()
    });
    assert_eq!(elapsed.unwrap(), Duration::ZERO);
}
