//! Nurseries: the place where tasks live.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carafe_core::rt::Clock;
use carafe_core::testing::settle;
use carafe_core::{
    Cause, Nursery, NurseryOptions, checkpoint, live_tree, nursery, nursery_with, shield,
};

use crate::Backend;
use crate::kit::{Counted, Event, Log, Oops, catch, cause, forever, sleep, text};

const SECOND: Duration = Duration::from_secs(1);

/// N3: children make progress concurrently.
pub fn children_make_progress_concurrently<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for id in ["a", "b"] {
                let (log, rt) = (noted.clone(), rt.clone());
                n.spawn(async move {
                    for round in 0..3 {
                        log.note(format!("{round}{id}"));
                        sleep(&rt, SECOND).await;
                    }
                    Ok(())
                });
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    let mut rounds = log.entries();
    for round in rounds.chunks_mut(2) {
        round.sort();
    }
    assert_eq!(rounds, ["0a", "0b", "1a", "1b", "2a", "2b"]);
}

/// N5: a nursery returns only when every child has ended; its value is the body's.
pub fn a_nursery_returns_when_every_child_has_ended<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    let value = backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for id in ["a", "b"] {
                let log = noted.clone();
                n.spawn(async move {
                    for _ in 0..10 {
                        checkpoint().await;
                    }
                    log.note(id);
                    Ok(())
                });
            }
            Ok(7)
        });
        let value = ended.await.expect("nothing fails");
        noted.note("after");
        value
    });
    assert_eq!(value, 7);
    let mut entries = log.entries();
    entries[..2].sort();
    assert_eq!(entries, ["a", "b", "after"]);
}

/// N5: a nursery without children returns its body's value.
pub fn an_empty_nursery_is_its_body<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |_: &Nursery<Oops, _>| {
            checkpoint().await;
            Ok(7)
        });
        assert_eq!(ended.await.expect("nothing fails"), 7);
    });
}

/// The body of a nursery may borrow from its caller.
pub fn a_body_may_borrow<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let mut sum = 0;
        let ended = nursery(&rt, async |_: &Nursery<Oops, _>| {
            checkpoint().await;
            sum += 7;
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(sum, 7);
    });
}

/// N6: a running child may spawn into its own nursery, also after the body has ended.
pub fn a_child_may_spawn_after_the_body_has_ended<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (own, log, rt) = (n.clone(), noted.clone(), rt.clone());
            n.spawn(async move {
                sleep(&rt, SECOND).await;
                own.spawn(async move {
                    sleep(&rt, SECOND).await;
                    log.note("second");
                    Ok(())
                });
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("nothing fails");
        noted.note("after");
    });
    assert_eq!(log.entries(), ["second", "after"]);
}

/// N7: after it has returned, a nursery is closed: `try_spawn` gives the future back, unpolled.
pub fn a_closed_nursery_gives_the_future_back<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let log = Log::new();
        let kept = nursery(&rt, async |n: &Nursery<Oops, _>| Ok(n.clone())).await;
        let kept = kept.expect("nothing fails");
        let late = log.clone();
        let Err(closed) = kept.try_spawn(async move {
            late.note("polled");
            Ok(())
        }) else {
            panic!("the nursery has ended");
        };
        let Err(named) = kept.named("late").try_spawn(async { Ok(()) }) else {
            panic!("the nursery has ended");
        };
        checkpoint().await;
        assert!(log.entries().is_empty());
        closed.0.await.expect("the future is as it was");
        named.0.await.expect("the future is as it was");
        assert_eq!(log.entries(), ["polled"]);
        assert_eq!(kept.live(), 0);
    });
}

/// N7: `spawn` into a nursery that has ended panics.
pub fn spawning_into_a_closed_nursery_panics<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let kept = nursery(&rt, async |n: &Nursery<Oops, _>| Ok(n.clone())).await;
        let kept = kept.expect("nothing fails");
        let payload =
            catch(async { kept.spawn(async { Ok(()) }) }).await.expect_err("it has ended");
        assert!(text(&*payload).contains("ended"), "{}", text(&*payload));
    });
}

/// N9: a child that another child spawned into the nursery belongs to the nursery, and outlives its
/// spawner.
pub fn a_child_belongs_to_the_nursery_and_not_to_its_spawner<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let outer = NurseryOptions::<Oops>::new().name("outer");
        let ended = outer.open(&rt, |n| {
            let rt = rt.clone();
            async move {
                let own = n.clone();
                n.named("the spawner").spawn(async move {
                    own.named("the spawned").spawn(forever());
                    Ok(())
                });
                settle(&rt).await;
                assert_eq!(n.live(), 1);
                let tree = live_tree().expect("this is a run");
                assert!(tree.contains("the spawned"), "{tree}");
                assert!(!tree.contains("the spawner"), "{tree}");
                n.cancel();
                Ok(())
            }
        });
        ended.await.expect("the body had ended");
    });
}

/// N13: what a child holds is dropped before the nursery returns.
pub fn what_a_child_holds_is_dropped_before_the_nursery_returns<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for id in ["a", "b"] {
                let held = noted.on_drop(id);
                n.spawn(async move {
                    let _held = held;
                    forever().await
                });
            }
            n.cancel();
            Ok(())
        });
        ended.await.expect("the body had ended");
        noted.note("after");
    });
    let mut entries = log.entries();
    entries[..2].sort();
    assert_eq!(entries, ["a", "b", "after"]);
}

/// C6: a child that is spawned into a cancelled nursery runs to its first suspension.
pub fn a_child_of_a_cancelled_nursery_runs_to_its_first_suspension<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.cancel();
            let (log, held) = (noted.clone(), noted.on_drop("dropped"));
            n.spawn(async move {
                let _held = held;
                log.note("started");
                checkpoint().await;
                log.note("went on");
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("the body had ended");
    });
    assert_eq!(log.entries(), ["started", "dropped"]);
}

/// R1: a child that ends in the poll in which it was cancelled has ended, and is no cancellation.
pub fn a_child_that_ends_as_it_is_cancelled_has_ended<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (own, log) = (n.clone(), noted.clone());
            n.spawn(async move {
                own.cancel();
                log.note("the last line");
                Ok(())
            });
            forever::<Result<(), _>>().await
        });
        assert_eq!(cause(ended.await), Cause::Explicit(None));
    });
    assert_eq!(log.entries(), ["the last line"]);
}

/// Decision 23: a nursery that was cancelled after its body had ended has the body's value.
pub fn cancel_as_the_last_line_is_no_error<B: Backend>(backend: B) {
    backend.run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            n.spawn(forever());
            n.cancel();
            Ok(7)
        });
        assert_eq!(ended.await.expect("the body had ended"), 7);
    });
}

/// Decision 23: a nursery whose body was interrupted says so.
pub fn a_cancelled_body_is_an_error<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let _held = noted.on_drop("body");
            n.cancel_with("enough");
            forever::<Result<(), _>>().await
        });
        assert_eq!(cause(ended.await), Cause::Explicit(Some("enough")));
    });
    assert_eq!(log.entries(), ["body"]);
}

/// C24: one host may open and cancel nurseries one after the other.
pub fn nurseries_may_be_cancelled_one_after_the_other<B: Backend>(backend: B) {
    backend.run(async |rt| {
        for _ in 0..2 {
            let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
                n.spawn(forever());
                n.cancel();
                forever::<Result<(), _>>().await
            });
            assert_eq!(cause(ended.await), Cause::Explicit(None));
        }
        checkpoint().await;
    });
}

/// L20: a nursery's own deadline can be set while it waits for its children.
pub fn a_deadline_may_be_set_while_the_nursery_waits<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (own, rt) = (n.clone(), rt.clone());
            let theirs = rt.clone();
            n.spawn(async move {
                sleep(&theirs, SECOND * 60).await;
                Ok(())
            });
            n.spawn(async move {
                sleep(&rt, SECOND).await;
                own.set_deadline(Some(begun + SECOND * 5));
                Ok(())
            });
            Ok(())
        });
        ended.await.expect("the body had ended");
        assert_eq!(rt.now() - begun, SECOND * 5);
    });
}

/// L20: a nursery's deadline interrupts its body, too.
pub fn a_deadline_of_a_nursery_interrupts_its_body<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let begun = rt.now();
        let options = NurseryOptions::<Oops>::new().deadline(begun + SECOND);
        let ended = options.open(&rt, |_| forever::<Result<(), _>>());
        assert_eq!(cause(ended.await), Cause::Deadline);
        assert_eq!(rt.now() - begun, SECOND);
    });
}

/// C27: waiting for a child that is shielded costs no polls.
pub fn waiting_for_a_shielded_child_burns_nothing<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let (host, child) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let begun = rt.now();
        let theirs = (rt.clone(), child.clone());
        let waiting = nursery_with(&rt, |n: Nursery<Oops, _>| async move {
            let (rt, polls) = theirs;
            n.spawn(Counted::new(
                async move {
                    shield(sleep(&rt, SECOND)).await;
                    Ok(())
                },
                &polls,
            ));
            n.cancel();
            Ok(())
        });
        Counted::new(waiting, &host).await.expect("the body had ended");
        assert_eq!(rt.now() - begun, SECOND);
        let (host, child) = (host.load(Ordering::SeqCst), child.load(Ordering::SeqCst));
        assert!(host < 10 && child < 10, "the host was polled {host} times, the child {child}");
    });
}

/// `Nursery::live`: it counts the children that have not ended.
pub fn a_nursery_counts_its_children<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            assert_eq!(n.live(), 0);
            let go = Event::new();
            for _ in 0..3 {
                let go = go.clone();
                n.spawn(async move {
                    go.wait().await;
                    Ok(())
                });
            }
            assert_eq!(n.live(), 3);
            settle(&rt).await;
            assert_eq!(n.live(), 3);
            go.set();
            settle(&rt).await;
            assert_eq!(n.live(), 0);
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
}

/// `Nursery`: its handle is cheap, and may be used from a thread that the loop does not own.
pub fn a_foreign_thread_may_spawn_and_cancel<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let (theirs, log) = (n.clone(), noted.clone());
            let thread = std::thread::spawn(move || {
                let held = log.on_drop("child");
                theirs.spawn(async move {
                    let _held = held;
                    forever().await
                });
                theirs.cancel();
            });
            thread.join().expect("spawning does not panic");
            assert!(n.is_cancelled());
            forever::<Result<(), _>>().await
        });
        assert_eq!(cause(ended.await), Cause::Explicit(None));
    });
    assert_eq!(log.entries(), ["child"]);
}

/// R4: a thousand children are all joined.
pub fn a_thousand_children_are_joined<B: Backend>(backend: B) {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = ended.clone();
    backend.run(async move |rt| {
        let joined = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for id in 0..1000 {
                let ended = counted.clone();
                n.spawn(async move {
                    for _ in 0..id % 3 {
                        checkpoint().await;
                    }
                    ended.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                });
            }
            Ok(())
        });
        joined.await.expect("nothing fails");
        assert_eq!(counted.load(Ordering::SeqCst), 1000);
    });
}

/// `NurseryOptions::limit`: no more children than that run at a time, and all of them do.
pub fn a_limit_bounds_the_children_that_run<B: Backend>(backend: B) {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    backend.with_virtual_time().run(async move |rt| {
        let begun = rt.now();
        let theirs = rt.clone();
        let ended = NurseryOptions::<Oops>::new().limit(3).open(&rt, |n| async move {
            for _ in 0..9 {
                let (rt, running, most) = (theirs.clone(), running.clone(), most.clone());
                n.spawn(async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(&rt, SECOND).await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                });
            }
            assert_eq!(n.live(), 9);
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(rt.now() - begun, SECOND * 3);
    });
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

/// `NurseryOptions::limit`: turns come in the order of spawning, for children that are started too.
pub fn turns_come_in_the_order_of_spawning<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let theirs = rt.clone();
        let ended = NurseryOptions::<Oops>::new().limit(1).open(&rt, |n| async move {
            // More than one poll's budget.
            for id in 0..300 {
                let log = noted.clone();
                n.spawn(async move {
                    log.note(id);
                    checkpoint().await;
                    Ok(())
                });
            }
            let log = noted.clone();
            let started = n.start(|started| async move {
                log.note("started");
                started.started(());
                Ok(())
            });
            started.await.expect("it has its turn");
            settle(&theirs).await;
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    let expected: Vec<_> = (0..300).map(|id| id.to_string()).chain(["started".into()]).collect();
    assert_eq!(log.entries(), expected);
}

/// `NurseryOptions::limit`: a child that waits for its turn when the nursery is cancelled never starts.
pub fn a_child_that_never_had_its_turn_is_dropped_unpolled<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = NurseryOptions::<Oops>::new().limit(1).open(&rt, |n| async move {
            for id in ["first", "second"] {
                let (log, held) = (noted.clone(), noted.on_drop("dropped"));
                n.spawn(async move {
                    let _held = held;
                    log.note(id);
                    forever().await
                });
            }
            n.cancel();
            Ok(())
        });
        ended.await.expect("the body has ended");
    });
    assert_eq!(log.count("first"), 1);
    assert_eq!(log.count("second"), 0);
    assert_eq!(log.count("dropped"), 2);
}

/// `NurseryOptions::limit`: what a child had is dropped before the next has its turn.
pub fn a_turn_ends_with_the_childs_destructors<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.run(async move |rt| {
        let ended = NurseryOptions::<Oops>::new().limit(1).open(&rt, |n| async move {
            for id in 0..3 {
                let (log, held) = (noted.clone(), noted.on_drop(format!("{id} ends")));
                n.spawn(async move {
                    let _held = held;
                    log.note(format!("{id} begins"));
                    checkpoint().await;
                    Ok(())
                });
            }
            Ok(())
        });
        ended.await.expect("nothing fails");
    });
    let expected = ["0 begins", "0 ends", "1 begins", "1 ends", "2 begins", "2 ends"];
    assert_eq!(log.entries(), expected);
}
