//! A program for `tests/entry.rs`, which looks at its exit code and its stderr from outside.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use carafe_rt::{EntryPoint, Misuse};

fn main() -> ExitCode {
    let scenario = std::env::args().nth(1).expect("a scenario");
    match scenario.as_str() {
        "name" => name(),
        "smol" => smol(),
        "simulated" => simulated(),
        "fails" => fails(),
        "fails-boxed" => fails_boxed(),
        "fails-sync" => fails_sync(),
        "misuse" => misuse(),
        "code" => code(),
        "hangs" => hangs(),
        other => panic!("no scenario {other}"),
    }
}

/// Says what it runs on.
#[carafe_rt::main(crate = carafe_rt)]
async fn name() {
    println!("{}", carafe_rt::Handle::current().name());
}

#[carafe_rt::main(smol, threads = 1, crate = carafe_rt)]
async fn smol() {
    println!("{}", carafe_rt::Handle::current().name());
}

#[carafe_rt::main(sim, seed = 7, crate = carafe_rt)]
async fn simulated() {
    println!("{}", carafe_rt::Handle::current().name());
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot brew")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn outer() -> Outer {
    Outer(std::io::Error::other("no water"))
}

#[carafe_rt::main(tokio_current_thread, crate = carafe_rt)]
async fn fails() -> Result<(), Outer> {
    Err(outer())
}

#[carafe_rt::main(smol, crate = carafe_rt)]
async fn fails_boxed() -> Result<(), Box<dyn Error>> {
    Err(outer())?
}

#[carafe_rt::main(async_std, crate = carafe_rt)]
async fn fails_sync() -> Result<(), Box<dyn Error + Send + Sync>> {
    Err("no beans")?
}

#[carafe_rt::main(tokio, crate = carafe_rt)]
async fn misuse() -> Result<(), Misuse> {
    Err(Misuse::new("the port is taken"))
}

#[carafe_rt::main(smol, crate = carafe_rt)]
async fn code() -> Result<ExitCode, Outer> {
    Ok(ExitCode::from(7))
}

/// Never ends by itself: a closure on a thread holds the cancelled run.
fn hangs() -> ExitCode {
    EntryPoint::new()
        .backend(carafe_rt::Backend::smol())
        .hard_stop(Some(std::time::Duration::ZERO))
        .run(async {
            let (begun, has_begun) = std::sync::mpsc::channel();
            let parked = move || -> () {
                begun.send(()).expect("main waits for this");
                loop {
                    std::thread::park();
                }
            };
            let task = async { carafe_rt::to_thread(parked).name("parked for ever").await };
            drop(carafe_rt::spawn(task));
            let seen = carafe_rt::to_thread(move || has_begun.recv()).await;
            seen.expect("the closure has begun");
            carafe_rt::shutdown::cancel_run();
        })
}
