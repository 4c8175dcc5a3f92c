//! The mount itself: a case that fails fails, one that is left out says so, a stale skip is found.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carafe_conformance::{Level, Mount, Skip};

const CASE: &str = "spawn::a_task_may_spawn";

fn mount(skips: &'static [Skip]) -> Mount {
    Mount { name: "a mount", levels: &[Level::Core], skips }
}

/// Whether the mount runs the case.
fn runs(mount: Mount, level: Level) -> bool {
    let ran = Arc::new(AtomicBool::new(false));
    let its = ran.clone();
    mount.check(level, CASE, move || its.store(true, Ordering::SeqCst));
    ran.load(Ordering::SeqCst)
}

#[test]
fn a_case_of_a_level_runs_and_of_another_does_not() {
    assert!(runs(mount(&[]), Level::Core));
    assert!(!runs(mount(&[]), Level::Net));
}

#[test]
fn a_skipped_case_does_not_run() {
    let skips = &[Skip { case: CASE, reason: "this is a test" }];
    assert!(!runs(mount(skips), Level::Core));
    mount(skips).report();
}

#[test]
fn a_failing_case_fails_with_its_own_panic() {
    let check = || mount(&[]).check(Level::Core, CASE, || std::panic::panic_any(17_u8));
    let payload = catch_unwind(check).expect_err("the case has failed");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
}

#[test]
fn a_skip_of_no_case_is_found() {
    let stale = mount(&[Skip { case: "spawn::no_such_case", reason: "it was renamed" }]);
    let payload = catch_unwind(AssertUnwindSafe(|| stale.report())).expect_err("the skip is stale");
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.contains("spawn::no_such_case"), "{text}");
}
