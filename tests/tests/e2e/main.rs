//! Whole programs, as their users meet them: real processes, real sockets, a real browser.

mod chat;
mod failure;
mod kit;
mod misuse;
mod page;
mod shutdown;
