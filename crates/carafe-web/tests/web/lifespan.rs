//! The order of start and end, on virtual clocks.

use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use carafe_core::testing::Virtual;
use carafe_rt::{Backend, shield, sleep, try_run_on};
use carafe_web::{App, AppHandle};

use crate::kit::{Client, Record, with_app};

/// Runs a test on every loop, on a clock that does not wait.
fn on_every_virtual_clock<F: Future<Output = ()>>(test: impl Fn() -> F) {
    type Recipe = fn() -> Backend;
    let recipes: [(&str, Recipe); 5] = [
        ("tokio", || Backend::boxed(Virtual(Backend::tokio()))),
        ("tokio-current-thread", || Backend::boxed(Virtual(Backend::tokio_current_thread()))),
        ("smol", || Backend::boxed(Virtual(Backend::smol()))),
        ("async-std", || Backend::boxed(Virtual(Backend::async_std()))),
        ("sim", || Backend::sim(7)),
    ];
    for (name, recipe) in recipes {
        let run = AssertUnwindSafe(|| try_run_on(recipe(), test()).unwrap());
        if let Err(payload) = std::panic::catch_unwind(run) {
            eprintln!("on {name}:");
            std::panic::resume_unwind(payload);
        }
    }
}

/// Records that it was dropped.
struct OnDrop(Record, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// An app whose hooks, two of each, record themselves.
fn recording(record: &Record) -> App {
    let entry = |text: &'static str| {
        let record = record.clone();
        move || record.add(text)
    };
    let (before, after) = (entry("before"), entry("after 2"));
    App::new("recording")
        .before_serving(async move || before())
        .before_serving(entry("before 2"))
        .after_serving(entry("after"))
        .after_serving(async move || after())
}

#[test]
fn b094_short_jobs_finish_endless_ones_are_cancelled_and_hooks_run_in_order() {
    on_every_virtual_clock(|| async {
        let record = Record::default();
        let (short, endless, failing) = (record.clone(), record.clone(), record.clone());
        let app = recording(&record);
        let handle = app.handle();
        let started = carafe_rt::now();
        with_app(app, async |_: Client| {
            record.add("serving");
            let jobs = handle.nursery();
            jobs.named("short").spawn(async move {
                sleep(Duration::from_millis(100)).await;
                short.add("short done");
            });
            jobs.named("endless").spawn(async move {
                let _drop = OnDrop(endless, "endless dropped");
                pending::<()>().await;
            });
            jobs.named("failing").spawn(async move {
                failing.add("failing");
                Err::<(), _>(io::Error::other("boom"))
            });
            while jobs.live() == 3 {
                carafe_rt::checkpoint().await;
            }
            record.add("served");
        })
        .await;
        assert_eq!(
            record.entries(),
            [
                "before",
                "before 2",
                "serving",
                "failing",
                "served",
                "short done",
                "endless dropped",
                "after",
                "after 2",
            ]
        );
        assert_eq!(carafe_rt::now() - started, Duration::from_secs(5));
    });
}

/// The grace of jobs is honoured: the case in which Quart-Trio cancels at once.
#[test]
fn w010_a_job_has_its_five_seconds() {
    on_every_virtual_clock(|| async {
        let record = Record::default();
        let app = recording(&record);
        let handle = app.handle();
        with_app(app, async |_: Client| {
            for (seconds, done, gone) in [(1, "1 s done", "1 s gone"), (9, "9 s done", "9 s gone")]
            {
                let (at_end, on_drop) = (record.clone(), OnDrop(record.clone(), gone));
                handle.nursery().spawn(async move {
                    let _on_drop = on_drop;
                    sleep(Duration::from_secs(seconds)).await;
                    at_end.add(done);
                });
            }
        })
        .await;
        let entries = record.entries();
        assert_eq!(
            entries,
            ["before", "before 2", "1 s done", "1 s gone", "9 s gone", "after", "after 2"]
        );
    });
}

#[test]
fn b097_a_hook_that_fails_keeps_the_app_from_serving() {
    on_every_virtual_clock(|| async {
        let record = Record::default();
        let (job, never) = (record.clone(), record.clone());
        let app = recording(&record)
            .before_serving(async move |app: AppHandle| {
                app.nursery().spawn(async move {
                    let _drop = OnDrop(job, "job gone");
                    pending::<()>().await;
                });
                carafe_rt::checkpoint().await;
                Err::<(), _>(io::Error::other("no database"))
            })
            .before_serving(move || never.add("never"));
        let service = app.into_service().unwrap();
        let served = record.clone();
        let error = service.lifespan(async move { served.add("served") }).await.unwrap_err();
        assert!(error.is_hook());
        assert!(error.to_string().contains("b097"), "{error}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no database");
        assert_eq!(record.entries(), ["before", "before 2", "job gone"]);
    });
}

#[test]
fn a_failing_hook_after_serving_does_not_skip_the_rest() {
    on_every_virtual_clock(|| async {
        let record = Record::default();
        let (slow, last) = (record.clone(), record.clone());
        let app = App::new("after")
            .after_serving(|| Err::<(), _>(io::Error::other("first")))
            .after_serving(async move || {
                let _drop = OnDrop(slow, "slow given up");
                pending::<()>().await;
            })
            .after_serving(async move || last.add("last"));
        let service = app.into_service().unwrap();
        let error = service.lifespan(async {}).await.unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "first");
        assert_eq!(record.entries(), ["slow given up", "last"]);
    });
}

/// A job that was cancelled and holds does not keep the hooks from running, but the lifespan waits.
#[test]
fn a_job_that_holds_is_waited_for_after_the_hooks() {
    on_every_virtual_clock(|| async {
        let record = Record::default();
        let held = record.clone();
        let app = recording(&record);
        let handle = app.handle();
        let started = carafe_rt::now();
        with_app(app, async |_: Client| {
            handle.nursery().spawn(async move {
                shield(sleep(Duration::from_secs(60))).await;
                held.add("let go");
            });
        })
        .await;
        assert_eq!(record.entries(), ["before", "before 2", "after", "after 2", "let go"]);
        assert_eq!(carafe_rt::now() - started, Duration::from_secs(60));
    });
}

#[test]
fn a_job_may_be_added_before_serving() {
    on_every_virtual_clock(|| async {
        let record = Record::default();
        let job = record.clone();
        let app = App::new("early").before_serving(async move |app: AppHandle| {
            app.nursery().spawn(async move { job.add("job") });
        });
        with_app(app, async |_: Client| {}).await;
        assert_eq!(record.entries(), ["job"]);
    });
}
