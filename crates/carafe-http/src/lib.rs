//! An HTTP server that runs on any loop: hyper, with structured concurrency around it.
