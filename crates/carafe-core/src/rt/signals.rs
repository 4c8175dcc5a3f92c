use std::io;
use std::task::{Context, Poll};

/// Hears the signals that the operating system sends to the process.
pub trait Signals {
    /// What [`signals`](Signals::signals) returns.
    type Stream: SignalStream;

    /// Listens for `wanted` from now on. Their default action (ending the process, mostly) does not
    /// happen any more, also after the stream was dropped.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] where the loop or the platform has no such signal, and what
    /// the system says.
    fn signals(&self, wanted: &[Signal]) -> io::Result<Self::Stream>;
}

/// Signals as they arrive.
pub trait SignalStream: Send + Unpin + 'static {
    /// The next signal. Several of one kind that arrive between two polls may be seen as one.
    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Signal>>;
}

/// A signal that asks something of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGTERM`: please end.
    Terminate,
    /// `SIGHUP`: the terminal is gone, or reload.
    Hangup,
    /// `SIGUSR1`.
    User1,
    /// `SIGUSR2`.
    User2,
}

impl Signal {
    /// The signal's number on the platforms that have it; the exit code of a process that a signal
    /// ends is 128 + this.
    pub fn number(self) -> i32 {
        match self {
            Signal::Interrupt => 2,
            Signal::Terminate => 15,
            Signal::Hangup => 1,
            Signal::User1 => {
                if cfg!(any(target_os = "linux", target_os = "android")) {
                    10
                } else {
                    30
                }
            }
            Signal::User2 => {
                if cfg!(any(target_os = "linux", target_os = "android")) {
                    12
                } else {
                    31
                }
            }
        }
    }
}
