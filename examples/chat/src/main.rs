//! Runs the chat on the only loop that is compiled in, or on the one that `CARAFE_RUNTIME` names.

use std::process::ExitCode;

fn main() -> ExitCode {
    chat::app().run()
}
