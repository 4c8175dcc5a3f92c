//! Futures that are joined: by the functions of `carafe_core::join`, and in a `join_scope`.

mod scope;

use std::time::Duration;

use carafe_core::rt::{Clock, Runtime};
use carafe_core::testing::settle;
use carafe_core::{CancelScope, Nursery, checkpoint, finally, join, nursery, shield};

pub use self::scope::*;

use crate::Backend;
use crate::kit::{Log, Oops, catch, errors, forever, sleep, text};

const SECOND: Duration = Duration::from_secs(1);

/// Ends with `seconds` after as many.
async fn after<R: Runtime>(rt: R, seconds: u32) -> u32 {
    sleep(&rt, SECOND * seconds).await;
    seconds
}

/// `all`: the futures run side by side; their values come in the order in which they were given.
pub fn all_gives_the_values_in_order<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ok = async |seconds| Ok::<_, Oops>(seconds);
        let values = join::all(
            &rt,
            [3, 1, 2].map(|n| {
                let theirs = rt.clone();
                async move { ok(after(theirs, n).await).await }
            }),
        );
        assert_eq!(values.await.expect("nothing fails"), [3, 1, 2]);
        assert_eq!(rt.now() - begun, SECOND * 3);
    });
}

/// `all` of nothing is nothing, at once.
pub fn all_of_nothing_is_nothing<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let none: [std::future::Ready<Result<u32, Oops>>; 0] = [];
        assert!(join::all(&rt, none).await.expect("nothing fails").is_empty());
    });
}

/// `all`: the first error cancels the others, which are gone when it is reported.
pub fn all_is_cancelled_by_the_first_error<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = join::all(
            &rt,
            ["waits", "fails", "waits"].map(|what| {
                let held = noted.on_drop(what);
                async move {
                    let _held = held;
                    checkpoint().await;
                    if what == "fails" { Err::<(), _>("e") } else { forever().await }
                }
            }),
        );
        assert_eq!(errors(ended.await), ["e"]);
        noted.note("after");
    });
    assert_eq!(log.count("waits"), 2);
    assert_eq!(log.entries().last().map(String::as_str), Some("after"));
}

/// `all`: an error that a future has while it is cancelled is reported too.
pub fn all_reports_the_errors_of_clean_ups<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = join::all(
            &rt,
            ["first", "second"].map(|what| async move {
                if what == "second" {
                    shield(checkpoint()).await;
                    shield(checkpoint()).await;
                }
                Err::<(), Oops>(what)
            }),
        );
        let mut all = errors(ended.await);
        all.sort_unstable();
        assert_eq!(all, ["first", "second"]);
    });
}

/// `all`: a panic cancels the others and unwinds when they are gone.
pub fn all_passes_a_panic_on<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = join::all(
            &rt,
            ["waits", "panics"].map(|what| {
                let held = noted.on_drop(what);
                async move {
                    let _held = held;
                    checkpoint().await;
                    assert!(what != "panics", "the panic");
                    forever::<Result<(), Oops>>().await
                }
            }),
        );
        let panic = catch(ended).await.expect_err("a future panics");
        assert_eq!(text(&*panic), "the panic");
        assert!(noted.has("waits"));
    });
}

/// `all` in a scope that is cancelled waits for what its futures have to do, and does not return.
pub fn all_is_cancelled_from_outside<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let scope = CancelScope::new();
        let (theirs, settled, cleaning) = (scope.clone(), rt.clone(), noted.clone());
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(async move {
                settle(&settled).await;
                theirs.cancel();
                Ok(())
            });
            let inner = scope.run(async {
                let all = join::all(
                    &rt,
                    [1, 2].map(|seconds| {
                        let (cleaning, rt) = (cleaning.clone(), rt.clone());
                        finally(forever::<Result<(), Oops>>(), async move || {
                            sleep(&rt, SECOND * seconds).await;
                            cleaning.note(seconds);
                        })
                    }),
                );
                let _ = all.await;
                noted.note("went on");
            });
            assert!(inner.await.is_err());
            noted.note("after");
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    assert_eq!(log.entries(), ["1", "2", "after"]);
}

/// `any_ok`: the first value wins; errors before it do not matter; the rest are cancelled and gone.
pub fn any_ok_gives_the_first_value<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let first = join::any_ok(
            &rt,
            [1, 2, 3].map(|seconds| {
                let (theirs, held) = (rt.clone(), noted.on_drop(seconds));
                async move {
                    let _held = held;
                    match after(theirs, seconds).await {
                        1 => Err("too early"),
                        seconds => Ok(seconds),
                    }
                }
            }),
        );
        assert_eq!(first.await.expect("there are values"), 2);
        assert_eq!(rt.now() - begun, SECOND * 2);
        noted.note("after");
    });
    assert_eq!(log.entries()[0], "1");
    assert_eq!(log.entries().len(), 4);
    assert_eq!(log.entries()[3], "after");
}

/// `any_ok`: where nobody has a value, all errors come, in the order of the ends.
pub fn any_ok_gives_all_errors<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let first = join::any_ok(
            &rt,
            [2, 1, 3].map(|seconds| {
                let theirs = rt.clone();
                async move { Err::<(), _>(after(theirs, seconds).await) }
            }),
        );
        let errors = first.await.expect_err("nobody has a value");
        assert_eq!(errors.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
    });
}

/// `any_ok` without futures has nothing to give: a panic that says where.
pub fn any_ok_of_nothing_panics<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let none: [std::future::Ready<Result<u32, Oops>>; 0] = [];
        let panic = catch(join::any_ok(&rt, none)).await.expect_err("nobody can win");
        assert!(text(&*panic).contains("join.rs"), "{}", text(&*panic));
    });
}

/// `race`: the first to end wins, whatever it ends with; it returns when the others are gone.
pub fn race_gives_the_first_end<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let first = join::race(
            &rt,
            [3, 1, 2].map(|seconds| {
                let (theirs, cleaning) = (rt.clone(), (rt.clone(), noted.clone()));
                finally(
                    async move { Err::<(), _>(after(theirs, seconds).await) },
                    async move || {
                        sleep(&cleaning.0, SECOND).await;
                        cleaning.1.note("cleaned");
                    },
                )
            }),
        );
        assert_eq!(first.await, Err(1));
        assert_eq!(rt.now() - begun, SECOND * 3);
        noted.note("after");
    });
    assert_eq!(log.entries(), ["cleaned", "cleaned", "cleaned", "after"]);
}

/// `as_completed`: results come in the order of the ends; errors are results.
pub fn results_come_as_they_are_completed<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let mut ended = join::as_completed(
            &rt,
            [3, 1, 2].map(|seconds| {
                let theirs = rt.clone();
                async move {
                    match after(theirs, seconds).await {
                        2 => Err("two"),
                        seconds => Ok(seconds),
                    }
                }
            }),
        );
        for (at, result) in [(1, Ok(1)), (2, Err("two")), (3, Ok(3))] {
            assert_eq!(ended.next().await, Some(result));
            assert_eq!(rt.now() - begun, SECOND * at);
        }
        assert_eq!(ended.next().await, None);
        assert_eq!(ended.next().await, None);
    });
}

/// `as_completed`: the futures go on while nobody asks for their results.
pub fn results_do_not_wait_for_who_asks<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let mut ended = join::as_completed(&rt, [0, 2, 1].map(|n| after(rt.clone(), n)));
        assert_eq!(ended.next().await, Some(0));
        let slept = rt.now();
        sleep(&rt, SECOND * 5).await;
        assert_eq!(ended.next().await, Some(1));
        assert_eq!(ended.next().await, Some(2));
        assert_eq!(rt.now() - slept, SECOND * 5);
    });
}

/// `as_completed`: the futures of a dropped stream are cancelled, and waited for by the nursery around.
pub fn a_dropped_stream_of_results_is_adopted<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let mut ended = join::as_completed(
                &rt,
                [0, 9].map(|seconds| {
                    let (theirs, cleaning) = (rt.clone(), (rt.clone(), noted.clone()));
                    finally(after(theirs, seconds), async move || {
                        sleep(&cleaning.0, SECOND).await;
                        cleaning.1.note(seconds);
                    })
                }),
            );
            assert_eq!(ended.next().await, Some(0));
            drop(ended);
            assert_eq!(n.live(), 1);
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["0", "9", "after"]);
}

/// `as_completed`: a panic comes out where the next result is asked for, when the others are gone.
pub fn a_panic_comes_out_of_the_stream<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let mut ended = join::as_completed(
            &rt,
            ["waits", "panics"].map(|what| {
                let held = noted.on_drop(what);
                async move {
                    let _held = held;
                    checkpoint().await;
                    assert!(what != "panics", "the panic");
                    forever::<()>().await;
                }
            }),
        );
        let panic = catch(ended.next()).await.expect_err("a future panics");
        assert_eq!(text(&*panic), "the panic");
        assert!(noted.has("waits"));
    });
}
