//! Limiters: so many at a time, in order of arrival.

use carafe_core::testing::settle;
use carafe_core::{CancelScope, Limiter, Nursery, nursery};
use futures_lite::future::poll_once;

use crate::Backend;
use crate::kit::{Event, Log, Oops};

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
