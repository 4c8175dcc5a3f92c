//! The order in which things run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carafe_core::rt::{Blocking, Clock, Enter, EnterError, Meta, Random, Spawn};
use carafe_sim::{Sim, SimLoop};

/// The order in which six tasks with two sleeps and a closure each do their rounds, the scheduler's
/// own account of it, and a random number drawn on the way.
fn trace(recipe: SimLoop) -> (Vec<String>, u64, u64) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let noted = log.clone();
    let (fingerprint, drawn) = recipe
        .block_on(|sim| async move {
            for id in 0..6 {
                let (log, sim2) = (noted.clone(), sim.clone());
                sim.spawn_detached(Meta::unnamed(), async move {
                    for round in 0..2 {
                        sim2.sleep_until(sim2.now() + Duration::from_secs(1)).await;
                        log.lock().unwrap().push(format!("task {id} round {round}"));
                    }
                    let job = move || log.lock().unwrap().push(format!("closure {id}"));
                    sim2.spawn_blocking(Box::new(job)).unwrap();
                });
            }
            sim.sleep_until(sim.now() + Duration::from_secs(5)).await;
            (sim.fingerprint(), sim.random_u64())
        })
        .unwrap();
    let order = log.lock().unwrap().clone();
    assert_eq!(order.len(), 18);
    (order, fingerprint, drawn)
}

#[test]
fn one_seed_gives_one_order() {
    assert_eq!(trace(Sim::seeded(7)), trace(Sim::seeded(7)));
}

#[test]
fn seeds_differ_in_order_and_in_fingerprint() {
    let traces: Vec<_> = (1..=20).map(|seed| trace(Sim::seeded(seed))).collect();
    let orders: BTreeSet<_> = traces.iter().map(|trace| &trace.0).collect();
    let fingerprints: BTreeSet<_> = traces.iter().map(|trace| trace.1).collect();
    assert!(orders.len() > 10, "20 seeds gave {} orders", orders.len());
    assert_eq!(fingerprints.len(), orders.len());
}

#[test]
fn fifo_runs_what_was_ready_first() {
    let expected: Vec<String> = (0..2)
        .flat_map(|round| (0..6).map(move |id| format!("task {id} round {round}")))
        .chain((0..6).map(|id| format!("closure {id}")))
        .collect();
    assert_eq!(trace(Sim::fifo()).0, expected);
}

#[test]
fn drawing_a_number_does_not_change_the_order() {
    let run = |draws: usize| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = order.clone();
        let ended = Sim::seeded(3).block_on(|sim| async move {
            for _ in 0..draws {
                sim.random_u64();
            }
            for id in 0..8 {
                let noted = noted.clone();
                sim.spawn_detached(Meta::unnamed(), async move { noted.lock().unwrap().push(id) });
            }
            sim.sleep_until(sim.now() + Duration::from_secs(1)).await;
        });
        ended.unwrap();
        Arc::into_inner(order).unwrap().into_inner().unwrap()
    };
    assert_eq!(run(0), run(5));
}

#[test]
fn a_closure_has_the_run_to_itself() {
    // While the closure works, a task that is ready does not run: with or without real parallelism
    // the counter is what the closure left.
    let seen = Sim::fifo().block_on(|sim| async move {
        let counter = Arc::new(Mutex::new(0));
        let (in_closure, in_task) = (counter.clone(), counter.clone());
        let job = move || {
            for _ in 0..1000 {
                *in_closure.lock().unwrap() += 1;
                std::thread::yield_now();
            }
        };
        sim.spawn_blocking(Box::new(job)).unwrap();
        let seen = Arc::new(Mutex::new(0));
        let noted = seen.clone();
        sim.spawn_detached(Meta::unnamed(), async move {
            *noted.lock().unwrap() = *in_task.lock().unwrap();
        });
        sim.sleep_until(sim.now() + Duration::from_secs(1)).await;
        *seen.lock().unwrap()
    });
    assert_eq!(seen.unwrap(), 1000);
}

#[test]
fn a_loop_inside_a_loop_is_refused() {
    let inner = Sim::fifo().block_on(|_| async { Sim::fifo().block_on(|_| async {}) }).unwrap();
    assert!(matches!(inner, Err(EnterError::Inside)));
}
