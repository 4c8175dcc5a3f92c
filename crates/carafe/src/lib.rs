//! One program, any event loop: nurseries, deadlines, threads, sockets, HTTP and WebSockets.
