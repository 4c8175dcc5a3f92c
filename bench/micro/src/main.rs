//! `micro <what> <impl> <n>` does `n` times one thing, in one way, and prints what it cost.
//!
//! One process measures one thing, so that nothing before it warms a cache or grows a heap for it,
//! and so that callgrind sees it alone. `run.py` calls it, interleaves and compares; `micro list`
//! prints all that there is.
//!
//! ```text
//! micro spawn tokio-mt/carafe 100000
//! {"wall_ns": 41235667, "cpu_ns": 80120000, "allocs": 0, "bytes": 0, "held": 0}
//! ```
//!
//! - `THREADS` says how many threads poll tasks (1 by default); async-std also wants its own
//!   `ASYNC_STD_THREAD_COUNT`.
//! - `COUNT=1` counts allocations: apart from the rest, for counting costs time.

mod counted;
mod gauge;
mod ours;
mod peers;
mod tasks;

use std::env;
use std::process::ExitCode;

use gauge::Reading;

#[global_allocator]
static ALLOCATOR: counted::Counted = counted::Counted;

/// What is done, `n` times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// A child that ends at once, spawned and joined.
    Spawn,
    /// A child that suspends once, spawned and joined.
    Suspend,
    /// A sleeping child, cancelled and joined. The clock starts when all sleep.
    Cancel,
    /// A nursery, or what stands for it, opened and closed with nobody in it.
    Nursery,
    /// A timeout around a future that is ready.
    Timeout,
    /// A closure on a thread, one after the other.
    ThreadOne,
    /// A closure on a thread, awaited by a child each, all at once.
    ThreadMany,
}

const WHATS: [(&str, What); 7] = [
    ("spawn", What::Spawn),
    ("suspend", What::Suspend),
    ("cancel", What::Cancel),
    ("nursery", What::Nursery),
    ("timeout", What::Timeout),
    ("thread-one", What::ThreadOne),
    ("thread-many", What::ThreadMany),
];

/// Does it, on so many threads; none if there is no such thing in this way.
type Impl = fn(What, usize, Threads) -> Option<Reading>;

/// How many threads poll tasks.
#[derive(Clone, Copy)]
struct Threads(usize);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["list"] => {
            WHATS.iter().for_each(|(name, _)| println!("what {name}"));
            impls().for_each(|(name, _)| println!("impl {name}"));
            ExitCode::SUCCESS
        }
        [what, name, n] => measure(what, name, n).unwrap_or_else(|message| {
            eprintln!("micro: {message}");
            ExitCode::from(2)
        }),
        _ => {
            eprintln!("usage: micro <what> <impl> <n>, or micro list");
            ExitCode::from(2)
        }
    }
}

fn impls() -> impl Iterator<Item = &'static (&'static str, Impl)> {
    ours::IMPLS.iter().chain(peers::IMPLS)
}

fn measure(what: &str, name: &str, n: &str) -> Result<ExitCode, String> {
    let (_, what) =
        WHATS.iter().find(|(known, _)| *known == what).ok_or(format!("no such thing: {what}"))?;
    let (_, run) = impls()
        .find(|(known, _)| *known == name)
        .ok_or(format!("no such implementation: {name}"))?;
    let n = n.parse().map_err(|error| format!("{n}: {error}"))?;
    let threads = threads(name)?;
    counted::enable(env::var_os("COUNT").is_some_and(|value| value == "1"));
    match run(*what, n, threads) {
        Some(reading) => {
            println!("{reading}");
            Ok(ExitCode::SUCCESS)
        }
        // run.py leaves the cell empty.
        None => Ok(ExitCode::from(3)),
    }
}

fn threads(name: &str) -> Result<Threads, String> {
    let threads = env::var("THREADS").unwrap_or_else(|_| "1".into());
    if name.starts_with("async-std")
        && env::var("ASYNC_STD_THREAD_COUNT").as_deref() != Ok(&threads)
    {
        return Err(format!("async-std wants ASYNC_STD_THREAD_COUNT={threads}"));
    }
    threads.parse().map(Threads).map_err(|error| format!("THREADS={threads}: {error}"))
}
