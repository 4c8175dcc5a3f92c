//! `#[carafe::test]`, and the watchdog that it runs under.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use carafe_rt::__private::{PATIENCE, test};
use carafe_rt::{Backend, Handle, NurseryOptions};

/// The text of the panic with which a test fails.
fn failure_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("the test fails");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("the message is a text")).to_owned(),
    }
}

#[test]
fn an_error_fails_the_test_with_one_line() {
    let text = failure_of(|| {
        test(Backend::smol, PATIENCE, || async { Err::<(), _>(std::io::Error::other("no water")) });
    });
    assert_eq!(text, "error: no water");
}

#[test]
fn a_panic_fails_the_test_with_its_own_text() {
    let text = failure_of(|| {
        test(Backend::tokio, PATIENCE, || async { panic!("no beans") as () });
    });
    assert_eq!(text, "no beans");
}

#[test]
fn a_test_that_hangs_fails_and_says_what_lives() {
    for backend in
        [Backend::tokio, Backend::tokio_current_thread, Backend::smol, Backend::async_std]
    {
        let text = failure_of(|| {
            test(backend, Some(Duration::ZERO), || async {
                let stuck = NurseryOptions::<std::io::Error>::new().name("stuck");
                stuck.open(&Handle::current(), |_| pending::<Result<(), _>>()).await
            });
        });
        assert!(text.starts_with("the test has not ended within"), "{text}");
        assert!(text.contains("nursery `stuck`"), "{text}");
    }
}

#[test]
fn a_test_that_hangs_in_the_simulator_is_a_deadlock_at_once() {
    let text = failure_of(|| test(|| Backend::sim(0), PATIENCE, pending::<()>));
    assert!(text.starts_with("error: every task is blocked"), "{text}");
}

#[carafe_rt::test(crate = carafe_rt)]
#[should_panic(expected = "as wanted")]
async fn a_test_may_expect_a_panic() {
    carafe_rt::checkpoint().await;
    panic!("as wanted");
}

#[carafe_rt::test(timeout = false, crate = carafe_rt)]
#[ignore = "it would never end"]
async fn a_test_may_be_ignored() {
    pending().await
}

#[carafe_rt::test(timeout = 5, seed = 7, sim, crate = carafe_rt)]
async fn a_test_may_name_its_backends() {
    assert_eq!(Handle::current().name(), "sim");
}

#[carafe_rt::test(crate = carafe_rt)]
#[cfg(any())]
async fn a_test_may_be_configured_away() {
    this_is_never_compiled();
}

mod inner {
    fn helper() -> u8 {
        4
    }

    /// The body sees what it would see without the attribute.
    #[carafe_rt::test(crate = carafe_rt)]
    async fn a_test_sees_its_module() {
        assert_eq!(helper(), 4);
    }
}
