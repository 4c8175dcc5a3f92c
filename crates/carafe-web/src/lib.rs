//! A web framework for any event loop: routes, WebSockets, background work, clean shutdown.
