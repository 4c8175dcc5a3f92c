use std::io;
use std::task::{Context, Poll};

use carafe_core::rt::{Signal, SignalStream};

#[cfg(unix)]
use self::unix::{Source, listen};
#[cfg(windows)]
use self::windows::{Source, listen};

/// Signals, as tokio's driver hears them.
#[derive(Debug)]
pub struct TokioSignals {
    sources: Vec<(Signal, Source)>,
}

impl TokioSignals {
    /// To be called with the runtime current.
    pub(crate) fn listen(wanted: &[Signal]) -> io::Result<Self> {
        let sources = wanted.iter().map(|&signal| Ok((signal, listen(signal)?)));
        Ok(TokioSignals { sources: sources.collect::<io::Result<_>>()? })
    }
}

impl SignalStream for TokioSignals {
    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Signal>> {
        for (signal, source) in &mut self.sources {
            match source.poll_recv(cx) {
                Poll::Ready(Some(())) => return Poll::Ready(Ok(*signal)),
                Poll::Ready(None) => {
                    return Poll::Ready(Err(io::Error::other("no signal can arrive any more")));
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }
}

#[cfg(unix)]
mod unix {
    use super::{Signal, io};
    pub(super) use tokio::signal::unix::Signal as Source;
    use tokio::signal::unix::{SignalKind, signal as source};

    pub(super) fn listen(signal: Signal) -> io::Result<Source> {
        source(match signal {
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Terminate => SignalKind::terminate(),
            Signal::Hangup => SignalKind::hangup(),
            Signal::User1 => SignalKind::user_defined1(),
            Signal::User2 => SignalKind::user_defined2(),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        })
    }
}

#[cfg(windows)]
mod windows {
    use super::{Signal, io};
    pub(super) use tokio::signal::windows::CtrlC as Source;

    pub(super) fn listen(signal: Signal) -> io::Result<Source> {
        match signal {
            Signal::Interrupt => tokio::signal::windows::ctrl_c(),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "Windows has no such signal")),
        }
    }
}
