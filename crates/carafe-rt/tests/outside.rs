//! Outside a run: what fails, with which words, and what a foreign tokio runtime carries.

use std::panic::catch_unwind;
use std::time::Duration;

use carafe_rt::{Handle, net};

/// The message of the panic of `f`.
fn panic_of(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = catch_unwind(f).expect_err("it panics");
    *payload.downcast::<String>().expect("the message is a text")
}

#[test]
fn a_sleep_outside_a_run_names_its_place_the_backends_and_the_fix() {
    let line = line!() + 1;
    let message = panic_of(|| drop(carafe_rt::sleep(Duration::ZERO)));
    for expected in [
        &format!("{}:{line}:", file!()),
        "compiled in: tokio, smol, async-std, sim",
        "#[carafe::main]",
        "carafe::run(",
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn nothing_that_needs_a_run_works_outside() {
    let place = format!("{}:", file!());
    for message in [
        panic_of(|| drop(carafe_rt::spawn(async {}))),
        panic_of(|| drop(carafe_rt::nursery::<_, String, _>(async |_| Ok(())))),
        panic_of(|| drop(carafe_rt::nursery_with(|_| async { Ok::<_, String>(()) }))),
        panic_of(|| assert!(carafe_rt::now() >= carafe_rt::now())),
        panic_of(|| drop(carafe_rt::to_thread(|| ()))),
        panic_of(|| drop(net::TcpListener::bind("127.0.0.1:0"))),
        panic_of(|| drop(Handle::current())),
    ] {
        assert!(message.contains(&place), "{message}");
    }
}

#[test]
fn the_current_handle_can_be_asked_for() {
    let line = line!() + 1;
    let no_run = Handle::try_current().expect_err("no run is around");
    assert_eq!((no_run.location().file(), no_run.location().line()), (file!(), line));
}

#[test]
fn a_foreign_tokio_runtime_carries_time_threads_and_sockets() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        carafe_rt::sleep_until(carafe_rt::now()).await;
        assert_eq!(carafe_rt::to_thread(|| 1 + 1).await, 2);
        let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        net::TcpStream::connect(addr).await.unwrap();
        assert!(Handle::try_current().is_err());
        let message = panic_of(|| drop(carafe_rt::spawn(async {})));
        assert!(message.contains("no run is around the call"), "{message}");
    });
}
