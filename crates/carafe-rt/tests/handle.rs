//! The handle as a runtime, and its open variant.

use std::io;
use std::time::Duration;

use carafe_rt::rt::{Enter, Runtime, Signal, Signals};
use carafe_rt::{Backend, Capability, Handle, net};
use carafe_smol::Smol;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

/// A third party's loop: what it is does not matter, only that it comes in through the open door.
fn foreign() -> Backend {
    Backend::boxed(Smol::multi_thread().threads(2))
}

#[carafe_rt::test(crate = carafe_rt)]
async fn bytes_go_there_and_back() -> io::Result<()> {
    echo().await
}

#[test]
fn bytes_go_there_and_back_on_a_boxed_backend() {
    carafe_rt::run_on(foreign(), echo()).unwrap();
}

async fn echo() -> io::Result<()> {
    let mut listener = net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let server = carafe_rt::spawn(async move {
        let (mut stream, peer) = listener.accept().await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        stream.write_all(text.to_uppercase().as_bytes()).await?;
        stream.close().await?;
        io::Result::Ok(peer)
    });
    let mut stream = net::TcpStream::connect(addr).await?;
    assert_eq!(stream.peer_addr()?, addr);
    let local = stream.local_addr()?;
    stream.write_all(b"carafe").await?;
    stream.close().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert_eq!(answer, "CARAFE");
    assert_eq!(server.await.expect("the server ends")?, local);
    Ok(())
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_text_that_is_no_address_is_invalid_input() {
    for text in ["nowhere", ":80", "host:port", "host:99999", ""] {
        let error = net::resolve(text).await.expect_err("it is no address");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{text:?}");
    }
}

#[carafe_rt::test(crate = carafe_rt)]
async fn an_address_needs_no_resolver() -> io::Result<()> {
    let expected = vec!["127.0.0.1:80".parse().unwrap()];
    assert_eq!(net::resolve("127.0.0.1:80").await?, expected);
    assert_eq!(net::resolve(("127.0.0.1", 80)).await?, expected);
    assert_eq!(net::resolve(expected[0]).await?, expected);
    assert_eq!(net::resolve("[::1]:80").await?, vec!["[::1]:80".parse().unwrap()]);
    Ok(())
}

#[test]
fn a_boxed_backend_runs_everything() {
    carafe_rt::run_on(foreign(), async {
        assert_eq!(Handle::current().name(), "smol");
        carafe_rt::sleep(Duration::ZERO).await;
        assert_eq!(carafe_rt::to_thread(|| Handle::current().name()).await, "smol");
        let sum = carafe_rt::nursery::<_, io::Error, _>(async |n| {
            n.spawn(async { Ok(()) });
            Ok(1)
        });
        assert_eq!(sum.await.expect("nothing fails in it"), 1);
    });
}

#[carafe_rt::test(tokio, smol, async_std, crate = carafe_rt)]
async fn a_built_in_backend_hears_signals() {
    let handle = Handle::current();
    assert!(handle.supports(Capability::Signals));
    handle.signals(&[Signal::User1]).expect("it listens");
}

#[test]
fn a_capability_that_is_missing_is_an_error_that_can_be_asked_for() {
    carafe_rt::run_on(foreign(), async {
        let handle = Handle::current();
        assert!(!handle.supports(Capability::Signals));
        let error = handle.signals(&[Signal::User1]).expect_err("it hears nothing");
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert_eq!(error.to_string(), "the backend smol has no signals");
    });
    carafe_rt::run_on(Backend::boxed_with_signals(Smol::current_thread()), async {
        let handle = Handle::current();
        assert!(handle.supports(Capability::Signals));
        handle.signals(&[Signal::User1]).expect("it listens");
    });
}

#[test]
fn a_handle_stays_small_because_every_nursery_holds_one() {
    assert!(size_of::<Handle>() <= 16, "{}", size_of::<Handle>());
}

#[test]
fn a_backend_is_an_entry_like_any_other() {
    let name = Backend::tokio_current_thread()
        .block_on(|handle| async move { Runtime::name(&handle) })
        .expect("it starts");
    assert_eq!(name, "tokio");
}
