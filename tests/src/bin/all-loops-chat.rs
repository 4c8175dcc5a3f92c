//! The chat example with every loop compiled in, and a route that tells what lives.

use std::process::ExitCode;

use carafe_tests::live;

fn main() -> ExitCode {
    chat::app().get("/live", live).run()
}
