//! The simulated loop, as a value that its tasks share.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use carafe_core::rt::{
    Blocking, Clock, ConnectOptions, Job, ListenOptions, Meta, Net, Random, Runtime, Signal,
    Signals, Spawn,
};

use crate::blocking::Step;
use crate::clock::{SimSleep, VirtualClock};
use crate::enter::SimLoop;
use crate::executor::Executor;
use crate::lock;
use crate::net::{Network, SimListener, SimStream};
use crate::random::Prng;
use crate::scheduler::{Order, Outside, Scheduler};
use crate::signals::{SimSignals, Switchboard};

/// A simulated loop.
///
/// # Examples
///
/// ```
/// use carafe_core::rt::{Enter, Random};
/// use carafe_sim::Sim;
///
/// let draw = |seed| Sim::seeded(seed).block_on(|sim| async move { sim.random_u64() }).unwrap();
/// assert_eq!(draw(7), draw(7));
/// assert_ne!(draw(7), draw(8));
/// ```
#[derive(Clone)]
pub struct Sim {
    shared: Arc<Shared>,
}

struct Shared {
    scheduler: Arc<Scheduler>,
    executor: Executor,
    clock: VirtualClock,
    network: Network,
    switchboard: Switchboard,
    /// What users draw from; the scheduler has a generator of its own, so that drawing a number does
    /// not change the schedule.
    random: Mutex<Prng>,
    /// How many closures were given a thread.
    steps: Mutex<u64>,
}

impl Sim {
    /// The recipe of a loop whose every choice follows from `seed`: the order of what is ready, and
    /// the random numbers.
    pub fn seeded(seed: u64) -> SimLoop {
        SimLoop::seeded(seed)
    }

    /// The recipe of a loop that runs what is ready in order of arrival. Its random numbers are
    /// those of seed 0.
    pub fn fifo() -> SimLoop {
        SimLoop::fifo()
    }

    /// Sends a signal to everyone who listens for it, and says whether somebody does. (A process in
    /// which nobody listens would end here, for most signals.)
    pub fn send_signal(&self, signal: Signal) -> bool {
        self.shared.switchboard.send(signal)
    }

    /// Announces somebody outside of the simulation who may wake a task: a thread of the program's
    /// own.
    ///
    /// # On drop
    ///
    /// Of the result: nobody is expected any more.
    pub fn expect_outside(&self) -> Outside {
        self.shared.scheduler.expect_outside()
    }

    /// How much virtual time has passed since the loop was entered.
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    /// A number that sums up every decision of the scheduler and every jump of the clock so far: two
    /// runs that took the same course have the same.
    pub fn fingerprint(&self) -> u64 {
        self.shared.scheduler.fingerprint()
    }

    pub(crate) fn new(order: Order, random: Prng) -> Self {
        let scheduler = Arc::new(Scheduler::new(order));
        let shared = Shared {
            executor: Executor::new(scheduler.clone()),
            scheduler,
            clock: VirtualClock::new(),
            network: Network::default(),
            switchboard: Switchboard::default(),
            random: Mutex::new(random),
            steps: Mutex::new(0),
        };
        Sim { shared: Arc::new(shared) }
    }

    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.shared.scheduler
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.shared.executor
    }

    pub(crate) fn clock(&self) -> &VirtualClock {
        &self.shared.clock
    }

    pub(crate) fn network(&self) -> &Network {
        &self.shared.network
    }

    pub(crate) fn switchboard(&self) -> &Switchboard {
        &self.shared.switchboard
    }
}

impl Runtime for Sim {
    fn name(&self) -> &'static str {
        "sim"
    }
}

impl Spawn for Sim {
    fn spawn_detached<F>(&self, meta: Meta<'_>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared.executor.spawn(meta, task);
    }
}

impl Clock for Sim {
    type Sleep = SimSleep;

    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    fn wall_now(&self) -> SystemTime {
        self.shared.clock.wall_now()
    }

    fn sleep_until(&self, deadline: Instant) -> SimSleep {
        SimSleep::new(self.clone(), deadline)
    }
}

impl Random for Sim {
    fn fill_random(&self, buf: &mut [u8]) {
        lock(&self.shared.random).fill(buf);
    }

    /// The same number on every machine: the bytes are read as little-endian everywhere.
    fn random_u64(&self) -> u64 {
        lock(&self.shared.random).next()
    }
}

impl Blocking for Sim {
    fn spawn_blocking(&self, job: Job) -> io::Result<()> {
        let id = {
            let mut steps = lock(&self.shared.steps);
            *steps += 1;
            *steps
        };
        Step::queue(&self.shared.scheduler, id, job)
    }
}

impl Net for Sim {
    type TcpStream = SimStream;
    type TcpListener = SimListener;

    async fn bind(&self, addr: SocketAddr, options: ListenOptions) -> io::Result<SimListener> {
        self.shared.network.bind(self, addr, options)
    }

    async fn connect(&self, addr: SocketAddr, _: ConnectOptions) -> io::Result<SimStream> {
        self.shared.network.connect(addr).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.shared.network.resolve(host, port)
    }
}

impl Signals for Sim {
    type Stream = SimSignals;

    fn signals(&self, wanted: &[Signal]) -> io::Result<SimSignals> {
        Ok(SimSignals::new(self.clone(), wanted))
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}
