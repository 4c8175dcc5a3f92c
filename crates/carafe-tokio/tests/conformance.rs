//! The suite, on tokio: with several threads, and with one.

use carafe_conformance::conformance;
use carafe_tokio::Tokio;

conformance!(multi_thread, || Tokio::multi_thread().threads(2));
conformance!(current_thread, || Tokio::current_thread());
