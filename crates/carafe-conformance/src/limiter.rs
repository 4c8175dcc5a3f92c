//! Limiters: so many at a time, in order of arrival.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carafe_core::testing::settle;
use carafe_core::{
    AlreadyBorrowed, CancelScope, Limiter, NotBorrowed, Nursery, checkpoint, nursery,
};
use futures_lite::future::poll_once;

use crate::Backend;
use crate::kit::{Counted, Event, Log, Oops};

/// A limiter gives as many tokens as it has, and takes them back.
pub fn a_limiter_gives_its_tokens_and_takes_them_back<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(2);
        let first = limiter.acquire().await;
        let second = limiter.try_acquire().expect("there are two");
        assert_eq!((limiter.borrowed(), limiter.total()), (2, 2));
        assert!(limiter.try_acquire().is_none());
        drop(first);
        assert_eq!(limiter.borrowed(), 1);
        drop(second);
        assert_eq!(limiter.borrowed(), 0);
    });
}

/// P3: a token that is given back while somebody waits belongs to the one who waits; nobody
/// overtakes.
pub fn a_token_that_is_given_back_belongs_to_the_one_who_waits<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(2);
        let (first, _second) = (limiter.acquire().await, limiter.acquire().await);
        let mut waiting = Box::pin(limiter.acquire());
        assert!(poll_once(&mut waiting).await.is_none());
        assert_eq!(limiter.waiting(), 1);
        drop(first);
        assert_eq!(limiter.borrowed(), 2);
        assert!(limiter.try_acquire().is_none());
        let mut later = Box::pin(limiter.acquire());
        assert!(poll_once(&mut later).await.is_none());
        assert!(poll_once(&mut waiting).await.is_some());
    });
}

/// P3: those who wait are served in order of arrival.
pub fn those_who_wait_are_served_in_order<B: Backend>(backend: B) {
    let log = Log::new();
    let noted = log.clone();
    backend.with_virtual_time().run(async move |rt| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            for id in 0..5 {
                let (limiter, log) = (limiter.clone(), noted.clone());
                n.spawn(async move {
                    let _token = limiter.acquire().await;
                    log.note(id);
                    Ok(())
                });
                // So that they queue one after the other.
                settle(&rt).await;
            }
            drop(token);
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!(limiter.borrowed(), 0);
    });
    assert_eq!(log.entries(), ["0", "1", "2", "3", "4"]);
}

/// P7: one who gives up waiting leaves no entry behind.
pub fn one_who_gives_up_leaves_the_queue<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let scope = CancelScope::new();
        scope.cancel();
        assert!(scope.run(limiter.acquire()).await.is_err());
        assert_eq!(limiter.waiting(), 0);
        drop(token);
        assert!(limiter.try_acquire().is_some());
    });
}

/// P7: one who is given a token and cancelled before taking it: the token goes to the next.
pub fn a_token_that_is_not_taken_goes_to_the_next<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let mut first = Box::pin(limiter.acquire());
        assert!(poll_once(&mut first).await.is_none());
        let mut second = Box::pin(limiter.acquire());
        assert!(poll_once(&mut second).await.is_none());
        drop(token);
        // It is the first one's by now.
        drop(first);
        assert_eq!(limiter.borrowed(), 1);
        let token = poll_once(&mut second).await.expect("it is the second one's");
        assert_eq!(limiter.waiting(), 0);
        drop(token);
        assert_eq!(limiter.borrowed(), 0);
    });
}

/// P7: the same with tasks: the one who is cancelled as it is served does not keep the token.
pub fn a_cancelled_task_does_not_keep_a_token<B: Backend>(backend: B) {
    backend.with_virtual_time().run(async |rt| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let ended = nursery(&rt, async |n: &Nursery<Oops, _>| {
            let scope = CancelScope::new();
            let (theirs, queue) = (scope.clone(), limiter.clone());
            n.spawn(async move {
                // The token completes the wait, so it wins; it is dropped behind it.
                let _either = theirs.run(queue.acquire()).await;
                Ok(())
            });
            settle(&rt).await;
            let done = Event::new();
            let (its, queue) = (done.clone(), limiter.clone());
            n.spawn(async move {
                let _token = queue.acquire().await;
                its.set();
                Ok(())
            });
            settle(&rt).await;
            assert_eq!(limiter.waiting(), 2);
            drop(token);
            scope.cancel();
            done.wait().await;
            Ok(())
        });
        ended.await.expect("nothing fails");
        assert_eq!((limiter.borrowed(), limiter.waiting()), (0, 0));
    });
}

/// P2: a borrower has one token at most, and gives back only what it has.
pub fn a_borrower_has_one_token<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(2);
        assert_eq!(limiter.acquire_on_behalf_of(1).await, Ok(()));
        assert_eq!(limiter.acquire_on_behalf_of(1).await, Err(AlreadyBorrowed));
        assert_eq!(limiter.release_on_behalf_of(2), Err(NotBorrowed));
        assert_eq!(limiter.acquire_on_behalf_of(2).await, Ok(()));
        assert_eq!(limiter.statistics().borrowers, [1, 2]);
        assert_eq!(limiter.release_on_behalf_of(1), Ok(()));
        assert_eq!(limiter.release_on_behalf_of(1), Err(NotBorrowed));
        assert_eq!((limiter.borrowed(), limiter.available()), (1, 1));
    });
}

/// P2: a borrower that waits is one already, has nothing to give back, and is forgotten when it gives
/// up.
pub fn a_borrower_that_waits_counts_as_one<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let mut waiting = Box::pin(limiter.acquire_on_behalf_of(1));
        assert!(poll_once(&mut waiting).await.is_none());
        assert_eq!(limiter.acquire_on_behalf_of(1).await, Err(AlreadyBorrowed));
        assert_eq!(limiter.release_on_behalf_of(1), Err(NotBorrowed));
        drop(waiting);
        let mut waiting = Box::pin(limiter.acquire_on_behalf_of(1));
        assert!(poll_once(&mut waiting).await.is_none());
        drop(token);
        assert_eq!(poll_once(&mut waiting).await, Some(Ok(())));
        assert_eq!(limiter.release_on_behalf_of(1), Ok(()));
        assert_eq!(limiter.borrowed(), 0);
    });
}

/// P7: a borrower that was given a token and is cancelled before taking it has none.
pub fn a_borrower_that_does_not_take_its_token_has_none<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(1);
        let token = limiter.acquire().await;
        let mut waiting = Box::pin(limiter.acquire_on_behalf_of(1));
        assert!(poll_once(&mut waiting).await.is_none());
        drop(token);
        assert_eq!(limiter.statistics().borrowers, [1]);
        drop(waiting);
        assert_eq!((limiter.borrowed(), limiter.statistics().borrowers), (0, Vec::new()));
        assert_eq!(limiter.acquire_on_behalf_of(1).await, Ok(()));
    });
}

/// P4: more tokens go to as many of those who wait, in order; fewer take none away.
pub fn a_limiter_grows_and_shrinks<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(2);
        let mut tokens = vec![limiter.acquire().await, limiter.acquire().await];
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(limiter.acquire())).collect();
        for one in &mut waiting {
            assert!(poll_once(one).await.is_none());
        }
        limiter.set_total(4);
        assert_eq!((limiter.borrowed(), limiter.waiting()), (4, 1));
        let mut last = waiting.pop().expect("there are three");
        assert!(poll_once(&mut last).await.is_none());
        for one in &mut waiting {
            tokens.push(poll_once(one).await.expect("it is one of the first two"));
        }
        limiter.set_total(1);
        assert_eq!((limiter.borrowed(), limiter.total(), limiter.available()), (4, 1, 0));
        tokens.truncate(1);
        assert!(poll_once(&mut last).await.is_none());
        assert_eq!((limiter.borrowed(), limiter.waiting()), (1, 1));
        tokens.clear();
        assert!(poll_once(&mut last).await.is_some());
        assert_eq!((limiter.borrowed(), limiter.waiting()), (0, 0));
    });
}

/// P6: an unlimited limiter has a token for everybody, and counts them.
pub fn an_unlimited_limiter_never_blocks<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::unlimited();
        let tokens: Vec<_> =
            std::iter::repeat_with(|| limiter.try_acquire()).take(10_000).flatten().collect();
        assert_eq!(tokens.len(), 10_000);
        let _another = limiter.acquire().await;
        assert_eq!((limiter.borrowed(), limiter.available()), (10_001, usize::MAX));
        drop(tokens);
        assert_eq!(limiter.borrowed(), 1);
    });
}

/// P8: tokens that are there at once count as work: who takes one after the other suspends now and
/// then, so that others run.
pub fn who_never_waits_for_a_token_suspends_now_and_then<B: Backend>(backend: B) {
    backend.run(async |_| {
        let limiter = Limiter::new(1);
        let polls = Arc::new(AtomicUsize::new(0));
        let takes = async {
            for _ in 0..1000 {
                drop(limiter.acquire().await);
            }
        };
        // With a budget that is whole.
        checkpoint().await;
        Counted::new(takes, &polls).await;
        assert_eq!(polls.load(Ordering::Relaxed), 8);
    });
}

/// C28: one who was handed a token while it waited gets it though its task has used up its budget.
pub fn a_token_that_was_waited_for_is_not_held_back<B: Backend>(backend: B) {
    backend.run(async |_| {
        let (limiter, busy) = (Limiter::new(1), Limiter::new(1));
        let token = limiter.acquire().await;
        let mut waiting = Box::pin(limiter.acquire());
        assert!(poll_once(&mut waiting).await.is_none());
        drop(token);
        checkpoint().await;
        for _ in 0..128 {
            drop(busy.acquire().await);
        }
        assert!(poll_once(busy.acquire()).await.is_none(), "the budget is used up");
        assert!(poll_once(&mut waiting).await.is_some());
    });
}
