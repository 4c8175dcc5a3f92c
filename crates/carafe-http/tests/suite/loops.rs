//! The loops that each case runs on.

use std::future::Future;
use std::time::Duration;

use carafe_core::rt::Enter;
use carafe_core::{Runner, timeout};
use carafe_sim::{Sim, SimLoop};

/// Runs `case` on a real loop. A case that hangs fails after a while.
pub(crate) fn run<L: Enter, F: Future<Output = ()>>(entry: L, case: impl FnOnce(L::Runtime) -> F) {
    crate::log::install();
    let patience = Duration::from_secs(30);
    let run = Runner::new(entry).try_run(|rt| timeout(patience, case(rt)));
    run.expect("the run ends").expect("the case ends in time");
}

/// Runs `case` in the simulator, in order of arrival and in eight others. A case that hangs is a
/// deadlock there, which the simulator reports.
pub(crate) fn simulate<F: Future<Output = ()>>(case: impl Fn(Sim) -> F) {
    crate::log::install();
    let simulate = |entry: SimLoop| Runner::new(entry).try_run(&case).expect("the run ends");
    simulate(Sim::fifo());
    (0..8).for_each(|seed| simulate(Sim::seeded(seed)));
}

/// Makes a test of each case for each loop.
macro_rules! on_every_loop {
    ($($case:ident),* $(,)?) => {
        mod tokio {
            $(#[test] fn $case() {
                crate::loops::run(carafe_tokio::Tokio::multi_thread(), super::$case);
            })*
        }
        mod tokio_current_thread {
            $(#[test] fn $case() {
                crate::loops::run(carafe_tokio::Tokio::current_thread(), super::$case);
            })*
        }
        mod smol {
            $(#[test] fn $case() {
                crate::loops::run(carafe_smol::Smol::multi_thread(), super::$case);
            })*
        }
        mod async_std {
            $(#[test] fn $case() {
                crate::loops::run(carafe_async_std::AsyncStd::global(), super::$case);
            })*
        }
        mod sim {
            $(#[test] fn $case() {
                crate::loops::simulate(super::$case);
            })*
        }
    };
}

/// Makes a test of each case for the simulator.
macro_rules! on_the_simulator {
    ($($case:ident),* $(,)?) => {
        mod sim_only {
            $(#[test] fn $case() {
                crate::loops::simulate(super::$case);
            })*
        }
    };
}
