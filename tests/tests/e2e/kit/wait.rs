//! Waiting for conditions.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as never. No test waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a condition that cannot wake us.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not within [`PATIENCE`].
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits until `look` sees `expected`; if it never does, tells what it saw last.
#[track_caller]
pub(crate) fn wait_until_is<T: PartialEq + Debug>(
    what: &str,
    expected: &T,
    mut look: impl FnMut() -> T,
) {
    let begun = Instant::now();
    loop {
        let seen = look();
        if seen == *expected {
            return;
        }
        let is_late = begun.elapsed() >= PATIENCE;
        assert!(!is_late, "{what}: not {expected:?} within {PATIENCE:?}, but {seen:?}");
        thread::sleep(PAUSE);
    }
}

/// Waits until `look` sees something.
///
/// # Panics
///
/// If it does not within [`PATIENCE`].
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(PAUSE);
    }
}
