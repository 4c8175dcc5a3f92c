//! The suite, on async-std.

use carafe_async_std::AsyncStd;
use carafe_conformance::conformance;

conformance!(global, || AsyncStd::global(), skip {
    "spawn::a_loop_that_ends_drops_its_tasks"
        => "async-std's one loop lives as long as the process, and its tasks with it",
    "spawn::a_task_for_a_loop_that_has_ended_is_dropped"
        => "async-std's one loop never ends, so the task runs",
});
