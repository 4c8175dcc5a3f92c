//! One binary with every loop in it. Whoever starts it picks one: by the first argument, or by the
//! environment variable `CARAFE_RUNTIME`.

use std::process::ExitCode;

use carafe::{App, Backend, Handle};

const HELP: &str = "\
Serves one page, on the event loop of your choice.

Usage: choose [LOOP]

LOOP is tokio, tokio-current-thread, smol or async-std. Without it, the environment
variable CARAFE_RUNTIME says which.

The address is that of HOST and PORT, 127.0.0.1:5000 by default.
";

async fn index(rt: Handle) -> String {
    format!("Hello from {}\n", rt.name())
}

fn main() -> ExitCode {
    let app = App::new("choose").get("/", index);
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (None, _) => app.run(),
        (Some("-h" | "--help"), None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        (Some(name), None) => match Backend::named(name) {
            Ok(backend) => app.run_on(backend),
            Err(error) => misuse(&error.to_string()),
        },
        (Some(_), Some(_)) => misuse("one loop at a time; --help tells more"),
    }
}

fn misuse(reason: &str) -> ExitCode {
    eprintln!("error: {reason}");
    ExitCode::from(2)
}
