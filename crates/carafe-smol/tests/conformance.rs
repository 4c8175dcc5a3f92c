//! The suite, on smol: with several threads, and with one.

use carafe_conformance::conformance;
use carafe_smol::Smol;

conformance!(multi_thread, || Smol::multi_thread().threads(3));
conformance!(current_thread, || Smol::current_thread());
