//! The suite, on the handle: over each compiled backend, and over one that is behind a box.

use std::time::Duration;

use carafe_conformance::conformance;
use carafe_rt::Backend;
use carafe_sim::Sim;

conformance!(tokio, || Backend::tokio().threads(2));
conformance!(tokio_current_thread, || Backend::tokio_current_thread());
conformance!(smol, || Backend::smol().threads(2));
conformance!(async_std, || Backend::async_std(), skip {
    "spawn::a_loop_that_ends_drops_its_tasks"
        => "async-std's one loop lives as long as the process, and its tasks with it",
    "spawn::a_task_for_a_loop_that_has_ended_is_dropped"
        => "async-std's one loop never ends, so the task runs",
});
conformance!(sim, || Backend::sim(4));

// Behind a box a backend is what a third party's is: a trait object, of which the handle knows
// nothing. This one is patient in real time with closures that wait for a task, so it is told not to be.
conformance!(boxed, || Backend::boxed(Sim::fifo().patience(Duration::from_millis(20))));
