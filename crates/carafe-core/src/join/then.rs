use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// A child that hands on how its future ends. An `async` block would hold the future twice: once
    /// as what it was given, once as what it awaits.
    pub(crate) struct Then<F, G> {
        #[pin]
        future: F,
        then: Option<G>,
    }
}

impl<F, G> Then<F, G> {
    pub(crate) fn new(future: F, then: G) -> Self {
        Then { future, then: Some(then) }
    }
}

impl<F: Future, G: FnOnce(F::Output) -> U, U> Future for Then<F, G> {
    type Output = U;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<U> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        let then = this.then.take().expect("a child is not polled after its end");
        Poll::Ready(then(output))
    }
}
