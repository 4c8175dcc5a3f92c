//! What the smol and async-std backends share: sockets, timers and signals on async-io.
