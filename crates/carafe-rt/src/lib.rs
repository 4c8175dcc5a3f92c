//! Chooses the event loop: the handle, the free functions, run.
