//! Carafe's backend for tokio, with several threads or one.
