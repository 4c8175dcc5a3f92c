//! What a stretch of work costs.
#![allow(unsafe_code)]

use std::fmt;
use std::time::{Duration, Instant};

use crate::counted::{self, Counts};

/// Measures from its start to its stop.
pub(crate) struct Gauge {
    counts: Counts,
    /// Bytes that were held when all stood still, for work that has such a moment.
    held: u64,
    cpu: Duration,
    wall: Instant,
}

impl Gauge {
    pub(crate) fn start() -> Self {
        Gauge { counts: counted::counts(), held: 0, cpu: cpu_time(), wall: Instant::now() }
    }

    /// Starts the clocks again, and keeps what was allocated until now as held.
    pub(crate) fn restart_clocks(mut self) -> Self {
        let now = counted::counts();
        let allocated = now.bytes - self.counts.bytes;
        self.held = allocated.saturating_sub(now.freed - self.counts.freed);
        self.cpu = cpu_time();
        self.wall = Instant::now();
        self
    }

    pub(crate) fn stop(self) -> Reading {
        let wall = self.wall.elapsed();
        let cpu = cpu_time() - self.cpu;
        let now = counted::counts();
        Reading {
            wall,
            cpu,
            allocs: now.allocs - self.counts.allocs,
            bytes: now.bytes - self.counts.bytes,
            held: self.held,
        }
    }
}

/// What a stretch of work has cost.
#[derive(Debug)]
pub(crate) struct Reading {
    wall: Duration,
    cpu: Duration,
    allocs: u64,
    bytes: u64,
    held: u64,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reading { wall, cpu, allocs, bytes, held } = self;
        write!(
            f,
            "{{\"wall_ns\": {}, \"cpu_ns\": {}, \"allocs\": {allocs}, \"bytes\": {bytes}, \"held\": {held}}}",
            wall.as_nanos(),
            cpu.as_nanos(),
        )
    }
}

/// The CPU time of the process, all threads, user and kernel.
fn cpu_time() -> Duration {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a valid timespec to write to.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut spec) };
    assert_eq!(failed, 0, "every unix has this clock");
    Duration::new(spec.tv_sec.unsigned_abs(), u32::try_from(spec.tv_nsec).expect("below 10^9"))
}
