//! Programs drawn at random against the law: whatever is spawned, shielded, cancelled, panics or is
//! dropped by foreign code, every task has ended when the run returns, and was dropped once.
//!
//! A program is drawn from a seed alone, so a failure names the seed that repeats it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use carafe_core::rt::{Enter, Runtime};
use carafe_core::testing::Virtual;
use carafe_core::{
    CancelScope, Nursery, checkpoint, move_on_after, nursery_with, shield, timeout, to_thread,
};
use carafe_core::{NurseryError, Runner};
use carafe_sim::Sim;
use carafe_tokio::Tokio;
use futures_lite::FutureExt;

/// SplitMix64 (Steele, Lea, Flood 2014): each task draws from a generator of its own.
#[derive(Clone)]
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn fork(&mut self) -> Draw {
        Draw(self.next())
    }

    fn millis(&mut self) -> Duration {
        Duration::from_millis(self.below(50))
    }
}

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// Counts a task from its making to its drop.
struct Guard(Arc<Counts>);

impl Guard {
    fn new(counts: &Arc<Counts>) -> Guard {
        counts.begun.fetch_add(1, Ordering::SeqCst);
        Guard(counts.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

type Step = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A task: some steps, each drawn.
fn task<R: Runtime>(
    rt: R,
    n: Option<Nursery<String, R>>,
    mut draw: Draw,
    depth: u32,
    counts: Arc<Counts>,
) -> Step {
    let guard = Guard::new(&counts);
    Box::pin(async move {
        let _guard = guard;
        for _ in 0..draw.below(4) {
            step(&rt, n.as_ref(), &mut draw, depth, &counts).await?;
        }
        Ok(())
    })
}

async fn step<R: Runtime>(
    rt: &R,
    n: Option<&Nursery<String, R>>,
    draw: &mut Draw,
    depth: u32,
    counts: &Arc<Counts>,
) -> Result<(), String> {
    let inner =
        |draw: &mut Draw| task(rt.clone(), n.cloned(), draw.fork(), depth + 1, counts.clone());
    let sleep = |d: Duration| rt.sleep_until(rt.now() + d);
    if depth > 4 {
        sleep(draw.millis()).await;
        return Ok(());
    }
    match draw.below(14) {
        0 => checkpoint().await,
        1 | 2 => sleep(draw.millis()).await,
        3 => {
            if let Some(n) = n {
                // Refused if the nursery has ended meanwhile: this task was moved out of it.
                let _ = n.try_spawn(inner(draw));
            }
        }
        4 | 5 => nest(rt, draw, depth, counts).await?,
        6 => {
            let _ = timeout(draw.millis(), inner(draw)).await;
        }
        7 => {
            let _ = move_on_after(draw.millis(), nest(rt, draw, depth, counts)).await;
        }
        8 => shield(inner(draw)).await?,
        9 => {
            let scope = CancelScope::new();
            let handle = scope.clone();
            let after = sleep(draw.millis());
            let cancel = async move {
                after.await;
                handle.cancel();
                std::future::pending().await
            };
            let _ = scope.run(inner(draw).or(cancel)).await;
        }
        10 => {
            // Foreign code drops whatever is not ready in time.
            let after = sleep(draw.millis());
            let _ = nest(rt, draw, depth, counts)
                .or(async {
                    after.await;
                    Ok(())
                })
                .await;
        }
        11 => {
            let d = Duration::from_micros(draw.below(50));
            to_thread(rt, move || std::thread::sleep(d)).await;
        }
        12 => {
            if let Some(n) = n
                && draw.below(4) == 0
            {
                n.cancel();
            }
        }
        _ => match draw.below(6) {
            0 => return Err("drawn".into()),
            1 => std::panic::panic_any("drawn"),
            _ => {}
        },
    }
    Ok(())
}

/// A nursery with some children, whose panic stops here.
async fn nest<R: Runtime>(
    rt: &R,
    draw: &mut Draw,
    depth: u32,
    counts: &Arc<Counts>,
) -> Result<(), String> {
    let children = draw.below(4);
    let mut theirs = draw.fork();
    let (counts, of_body) = (counts.clone(), rt.clone());
    let open = nursery_with(rt, |n: Nursery<String, R>| async move {
        for _ in 0..children {
            let rt = of_body.clone();
            n.spawn(task(rt, Some(n.clone()), theirs.fork(), depth + 1, counts.clone()));
        }
        task(of_body.clone(), Some(n.clone()), theirs.fork(), depth + 1, counts.clone()).await
    });
    match AssertUnwindSafe(open).catch_unwind().await {
        Ok(Ok(())) | Err(_) | Ok(Err(NurseryError::Cancelled(_))) => Ok(()),
        Ok(Err(NurseryError::Failed(errors))) => {
            if draw.below(2) == 0 {
                Err(errors.into_first())
            } else {
                Ok(())
            }
        }
    }
}

fn check<L: Enter + Send + 'static>(seed: u64, recipe: L) {
    let (done, finished) = mpsc::channel();
    let run = move || {
        let counts = Arc::new(Counts::default());
        let seen = counts.clone();
        let ended = Runner::new(recipe).try_run(|rt| async move {
            for _ in 0..4 {
                let mut draw = Draw(seed);
                // What comes out of it is as random as what went in.
                let _ = nest(&rt, &mut draw, 0, &counts).await;
                // Nobody drops this outermost nursery, so all that was begun in it has ended.
                let begun = counts.begun.load(Ordering::SeqCst);
                assert_eq!(counts.ended.load(Ordering::SeqCst), begun, "seed {seed}");
            }
        });
        ended.expect("nobody cancels the run");
        let (begun, ended) = (seen.begun.load(Ordering::SeqCst), seen.ended.load(Ordering::SeqCst));
        done.send((begun, ended)).expect("the test waits");
    };
    let thread = std::thread::Builder::new().name(format!("seed {seed}")).spawn(run);
    let thread = thread.expect("a thread for the run");
    let counts = finished.recv_timeout(Duration::from_secs(30));
    if thread.is_finished() {
        thread.join().expect("the run does not panic");
    }
    let (begun, ended) = counts.unwrap_or_else(|_| panic!("seed {seed} hangs"));
    assert_eq!(begun, ended, "seed {seed}: tasks are left");
}

fn quiet() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&"drawn") {
            eprintln!("{info}");
        }
    }));
}

#[test]
fn nothing_is_left_on_several_threads() {
    quiet();
    (0..150).for_each(|seed| check(seed, Virtual(Tokio::multi_thread().threads(2))));
}

#[test]
fn nothing_is_left_on_one_thread() {
    quiet();
    (0..150).for_each(|seed| check(seed, Virtual(Tokio::current_thread())));
}

#[test]
fn nothing_is_left_in_the_simulator() {
    quiet();
    (0..500).for_each(|seed| check(seed, Sim::seeded(seed)));
}
