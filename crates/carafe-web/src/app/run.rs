//! An app as a program: the loop, the log, the exit code.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use carafe_rt::{Backend, EntryPoint, Handle};
use tracing::level_filters::LevelFilter;

use super::App;
use super::config::Config;

impl App {
    /// Serves the app as the whole program: what [`serve`](App::serve) does, on the loop that
    /// `CARAFE_RUNTIME` names, or else the only compiled one.
    ///
    /// It prints the address, and logs to stderr unless the program has set up a log of its own. The
    /// exit code is 0 for an app that came to its end as asked, 2 where whoever started the program
    /// asked for what cannot be (an address in use, an unknown loop), and 1 otherwise; the reason is
    /// one line on stderr. When the app has to cancel something and that does not end within 5 s, or
    /// at a second signal, the process ends all the same and prints what was alive.
    #[must_use = "the exit code is for `main` to return"]
    pub fn run(self) -> ExitCode {
        self.run_with(Config::from_env())
    }

    /// Serves the app as the whole program, on this loop, whatever `CARAFE_RUNTIME` says; else like
    /// [`run`](App::run).
    #[must_use = "the exit code is for `main` to return"]
    pub fn run_on(self, backend: Backend) -> ExitCode {
        self.enter(EntryPoint::new().backend(backend), Config::from_env())
    }

    /// Serves the app as the whole program, as `config` says; else like [`run`](App::run).
    #[must_use = "the exit code is for `main` to return"]
    pub fn run_with(self, config: Config) -> ExitCode {
        self.enter(EntryPoint::new(), config)
    }

    fn enter(self, entry: EntryPoint, mut config: Config) -> ExitCode {
        log_to_stderr();
        config.ready.get_or_insert_with(|| Box::new(print_address));
        entry.hard_stop(config.hard_stop).run(self.serve_with(config))
    }
}

fn print_address(addr: SocketAddr) {
    let backend = Handle::current().name();
    let mut out = io::stdout().lock();
    // Where stdout is closed, nobody is there to read it.
    let _ = writeln!(out, "Running on http://{addr} ({backend}, CTRL + C to quit)");
    let _ = out.flush();
}

/// Logs to stderr, unless the program has set up a log of its own.
fn log_to_stderr() {
    let plain = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_target(false)
        .with_max_level(LevelFilter::INFO)
        .with_writer(io::stderr)
        .finish();
    // An error means that there is a log already.
    let _ = tracing::subscriber::set_global_default(plain);
}
