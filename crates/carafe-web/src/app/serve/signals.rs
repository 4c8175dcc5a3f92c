//! What SIGINT and SIGTERM ask for.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;

use carafe_core::rt::{Signal, Signals};
use carafe_core::shutdown;
use carafe_rt::{Handle, HandleSignals};

/// Awaits `life` with an ear on the signals: the first asks it to come to its end, the second does not
/// wait for that.
pub(super) async fn heeding<F: Future>(life: F) -> F::Output {
    let mut life = pin!(life);
    let mut heed = pin!(heed());
    let mut is_heeding = true;
    poll_fn(|cx| {
        if is_heeding {
            is_heeding = heed.as_mut().poll(cx).is_pending();
        }
        life.as_mut().poll(cx)
    })
    .await
}

async fn heed() {
    let signals = Handle::current().signals(&[Signal::Interrupt, Signal::Terminate]);
    match signals {
        Ok(signals) => {
            if let Err(error) = heed_both(signals).await {
                tracing::warn!("signals are not heard any more: {error}");
            }
        }
        // A loop without a process around it: the simulator.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(error) => tracing::warn!("signals cannot be heard: {error}"),
    }
}

async fn heed_both(mut signals: HandleSignals) -> io::Result<()> {
    let first = signals.next().await?;
    tracing::info!("{} received: the app comes to its end", name(first));
    shutdown::set_signal(first);
    shutdown::request();
    let second = signals.next().await?;
    tracing::warn!("{} received: the app is stopped now", name(second));
    shutdown::set_signal(second);
    shutdown::stop_now();
    Ok(())
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Interrupt => "SIGINT",
        Signal::Terminate => "SIGTERM",
        _ => "a signal",
    }
}
