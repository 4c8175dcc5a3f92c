//! One backend under the suite: what runs, what is left out, and the watchdog.

use std::fmt::Write;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::CASES;

/// A part of the contract that a backend can be certified for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Entering, spawning, random numbers; nurseries and cancellation. Every loop has it.
    Core,
    /// The loop's own clock.
    Time,
    /// Threads for closures that block.
    Blocking,
    /// TCP.
    Net,
    /// The end of a run.
    Shutdown,
}

impl Level {
    /// All of them.
    pub const ALL: &'static [Level] =
        &[Level::Core, Level::Time, Level::Blocking, Level::Net, Level::Shutdown];
}

/// A case of the suite, by name.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The level that it belongs to.
    pub level: Level,
    /// Its chapter and its function: `"spawn::tasks_may_spawn"`.
    pub name: &'static str,
}

/// A case that a backend does not pass, and why that is accepted.
#[derive(Debug, Clone, Copy)]
pub struct Skip {
    /// The case's name.
    pub case: &'static str,
    /// Why it is left out.
    pub reason: &'static str,
}

/// A backend under the suite; made by [`conformance!`](crate::conformance).
#[derive(Debug, Clone, Copy)]
pub struct Mount {
    /// What the backend is called in messages.
    pub name: &'static str,
    /// What it is certified for.
    pub levels: &'static [Level],
    /// What it is excused from.
    pub skips: &'static [Skip],
}

/// How long a case may take before it counts as hanging. None takes a second; a loaded machine may.
const WATCHDOG: Duration = Duration::from_secs(20);

impl Mount {
    /// Runs a case on a thread of its own, unless it is left out.
    ///
    /// # Panics
    ///
    /// With the case's panic; or when it does not end in time. Its thread is left behind then.
    pub fn check(&self, level: Level, case: &'static str, body: impl FnOnce() + Send + 'static) {
        if let Some(why) = self.excuse(level, case) {
            println!("skipped on {}: {case}: {why}", self.name);
            return;
        }
        let (done, is_done) = mpsc::channel::<()>();
        let body = move || {
            // Dropped when the case has ended, also when it unwinds.
            let _done = done;
            body();
        };
        let thread = thread::Builder::new().name(case.to_owned()).spawn(body);
        let thread = thread.expect("the system has a thread for a case");
        if is_done.recv_timeout(WATCHDOG) == Err(mpsc::RecvTimeoutError::Timeout) {
            panic!("{case} hangs on {}: not done in {WATCHDOG:?}", self.name);
        }
        if let Err(panic) = thread.join() {
            resume_unwind(panic);
        }
    }

    /// Prints how much of each level runs and what is left out with which reason.
    ///
    /// # Panics
    ///
    /// When a skip names no case of the suite: it would excuse nothing, and hide that it is stale.
    pub fn report(&self) {
        let mut report = format!("{}:\n", self.name);
        for &level in Level::ALL {
            let cases = || CASES.iter().filter(move |case| case.level == level);
            let skipped = cases().filter(|case| self.excuse(level, case.name).is_some()).count();
            let total = cases().count();
            let _infallible = writeln!(report, "  {level:?}: {} of {total} run", total - skipped);
        }
        for Skip { case, reason } in self.skips {
            assert!(
                CASES.iter().any(|known| known.name == *case),
                "{} is excused from `{case}`, which is no case of the suite",
                self.name
            );
            let _infallible = writeln!(report, "  skipped: {case}: {reason}");
        }
        print!("{report}");
    }

    fn excuse(&self, level: Level, case: &str) -> Option<&'static str> {
        if !self.levels.contains(&level) {
            return Some("the backend is not certified for this level");
        }
        self.skips.iter().find(|skip| skip.case == case).map(|skip| skip.reason)
    }
}
