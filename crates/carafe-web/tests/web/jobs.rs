//! Work that outlives its request.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use carafe_core::Limiter;
use carafe_rt::Handle;
use carafe_web::{App, AppHandle, Result, abort};

use crate::kit::{Client, Record, with_app};

#[carafe_rt::test(crate = carafe_rt)]
async fn w002_a_job_outlives_the_request_that_asked_for_it() {
    let record = Record::default();
    // The gate opens when the answer is there.
    let gate = Limiter::new(1);
    let held = gate.try_acquire().unwrap();
    let app = {
        let (record, gate) = (record.clone(), gate.clone());
        App::new("jobs").post("/job", move |app: AppHandle| {
            let (record, gate) = (record.clone(), gate.clone());
            app.nursery().spawn(async move {
                let _token = gate.acquire().await;
                record.add("done");
            });
            async { ("Started", 201) }
        })
    };
    let handle = app.handle();
    with_app(app, async |client: Client| {
        let answer = client.post("/job", "text/plain", "").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (201, "Started"));
        assert_eq!(handle.nursery().live(), 1);
        record.add("answered");
        drop(held);
    })
    .await;
    assert_eq!(record.entries(), ["answered", "done"]);
    assert_eq!(handle.nursery().live(), 0);
}

#[carafe_rt::test(crate = carafe_rt)]
async fn b098_a_failing_job_leaves_the_others_alone() {
    async fn fail() -> Result {
        Err(abort(500).because("boom"))
    }
    let record = Record::default();
    let app = {
        let record = record.clone();
        App::new("failing").after_serving(move || record.add("after"))
    };
    let handle = app.handle();
    with_app(app, async |_: Client| {
        let gate = Limiter::new(1);
        let held = gate.try_acquire().unwrap();
        let siblings = record.clone();
        handle.nursery().spawn(async move {
            let _token = gate.acquire().await;
            siblings.add("sibling");
        });
        handle.nursery().spawn(fail());
        handle.nursery().named("panics").spawn(async { panic!("a job's own") });
        // The two have gone when only the sibling is left.
        while handle.nursery().live() > 1 {
            carafe_rt::checkpoint().await;
        }
        let later = record.clone();
        handle.nursery().spawn(async move { later.add("later") });
        while handle.nursery().live() > 1 {
            carafe_rt::checkpoint().await;
        }
        drop(held);
    })
    .await;
    assert_eq!(record.entries(), ["later", "sibling", "after"]);
}

#[carafe_rt::test(crate = carafe_rt)]
async fn background_tasks_are_async_or_plain_and_take_the_app_or_nothing() {
    async fn first(app: AppHandle) {
        assert_eq!(app.name(), "tasks");
    }
    fn second() -> std::io::Result<()> {
        assert!(Handle::try_current().is_ok());
        Ok(())
    }
    let record = Record::default();
    let main = thread::current().id();
    let at_start = record.clone();
    let app = App::new("tasks").add_background_task(async move || at_start.add("at start"));
    let handle = app.handle();
    with_app(app, async |_: Client| {
        while record.entries().is_empty() {
            carafe_rt::checkpoint().await;
        }
        handle.add_background_task(first);
        handle.add_background_task(second);
        let (a, b) = (record.clone(), record.clone());
        handle.add_background_task(async move |_: AppHandle| a.add("async"));
        handle.add_background_task(move |_: AppHandle| {
            assert_ne!(thread::current().id(), main);
            b.add("plain");
        });
    })
    .await;
    let mut entries = record.entries();
    entries[1..].sort();
    assert_eq!(entries, ["at start", "async", "plain"]);
}

#[carafe_rt::test(crate = carafe_rt)]
async fn w014_after_its_end_an_app_takes_no_jobs() {
    let app = App::new("ended");
    let handle = app.handle();
    assert!(handle.nursery().try_spawn(async {}).is_err());
    with_app(app, async |_: Client| {
        assert!(handle.nursery().try_spawn(async {}).is_ok());
    })
    .await;
    let polled = Arc::new(AtomicBool::new(false));
    let flag = polled.clone();
    let refused = handle.nursery().try_spawn(async move {
        flag.store(true, Ordering::Relaxed);
        pending::<()>().await;
    });
    assert!(refused.is_err());
    assert!(!polled.load(Ordering::Relaxed));
}
