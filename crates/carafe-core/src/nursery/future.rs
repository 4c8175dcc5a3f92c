//! A nursery, waiting: for its body, then for its children.

use std::any::Any;
use std::cell::OnceCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::errors::{Errors, Failed, Failure, NurseryError, PanicPayload};
use super::part::nearest;
use crate::cancel::Cause;
use crate::cancel::node::{Kind, Node};
use crate::context;

pin_project! {
    /// An open nursery; see [`nursery_with`](crate::nursery_with).
    #[must_use = "a nursery does nothing until it is awaited"]
    pub struct NurseryFuture<F: Future, E> {
        // None once the body has ended or was dropped.
        #[pin]
        body: Option<F>,
        value: Option<F::Output>,
        // Always set: a cell, because frames make nodes on demand.
        node: OnceCell<Arc<Node>>,
        // The address of the node that ours was last polled below: it is kept alive by our node.
        home: usize,
        is_ended: bool,
        _errors: PhantomData<fn(E)>,
    }

    impl<F: Future, E> PinnedDrop for NurseryFuture<F, E> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if *this.is_ended {
                return;
            }
            // Nested nurseries adopt from their own drop, so the body goes first, inside our frame.
            let dropped = context::enter_inner(Kind::Nursery, None, this.node, || {
                catch_unwind(AssertUnwindSafe(|| this.body.set(None)))
            });
            let node = this.node.get().expect("a nursery has its node from the start");
            if let Err(payload) = dropped {
                node.fail(Failed::Panic(payload));
            }
            if *this.home == 0 {
                // Never polled: children that were spawned before belong to whoever is around.
                if let Some(around) = context::with(|frame| frame.and_then(|f| f.nursery().cloned())) {
                    node.part().set_adopter(around);
                }
            }
            node.abandon();
        }
    }
}

impl<T, E, F> NurseryFuture<F, E>
where
    F: Future<Output = Result<T, E>>,
{
    pub(crate) fn new(node: Arc<Node>, body: F) -> Self {
        NurseryFuture {
            body: Some(body),
            value: None,
            node: OnceCell::from(node),
            home: 0,
            is_ended: false,
            _errors: PhantomData,
        }
    }
}

impl<T, E, F> Future for NurseryFuture<F, E>
where
    F: Future<Output = Result<T, E>>,
    E: Send + 'static,
{
    type Output = Result<T, NurseryError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let node = this.node.get().expect("a nursery has its node from the start").clone();
        let around = settle_in(&node, this.home);

        if let Some(body) = this.body.as_mut().as_pin_mut() {
            let polled = context::enter_inner(Kind::Nursery, None, this.node, || {
                catch_unwind(AssertUnwindSafe(|| body.poll(cx)))
            });
            match polled {
                Ok(Poll::Pending) => {
                    node.arm();
                    node.park(cx.waker());
                    node.open(&around);
                    if !node.is_due() || node.is_held() {
                        return Poll::Pending;
                    }
                    node.part().set_interrupted();
                }
                Ok(Poll::Ready(Ok(value))) => *this.value = Some(Ok(value)),
                Ok(Poll::Ready(Err(error))) => node.fail(Failed::Error(Box::new(error))),
                Err(payload) => node.fail(Failed::Panic(payload)),
            }
            let dropped = context::enter_inner(Kind::Nursery, None, this.node, || {
                catch_unwind(AssertUnwindSafe(|| this.body.set(None)))
            });
            if let Err(payload) = dropped {
                node.fail(Failed::Panic(payload));
            }
            node.part().set_body_gone();
        }

        if !node.part().count.try_close() {
            node.arm();
            node.park(cx.waker());
            // A cancelled nursery that is empty holds nothing (it is about to end), one that waits does.
            node.open(&around);
            if !node.part().count.try_close() {
                return Poll::Pending;
            }
        }
        node.close();
        let is_around_cancelled =
            context::with(|frame| frame.is_some_and(context::Frame::is_cancelled));
        match conclude(&node, this.value.take(), is_around_cancelled) {
            Poll::Ready(outcome) => {
                *this.is_ended = true;
                node.detach();
                match outcome {
                    Ok(output) => Poll::Ready(output),
                    Err(payload) => resume_unwind(payload),
                }
            }
            Poll::Pending => {
                // An outer scope drops us in this very poll, or when nothing else holds it.
                node.park(cx.waker());
                Poll::Pending
            }
        }
    }
}

/// Hangs the node below the boundary that polls it now, and returns that one's node.
fn settle_in(node: &Arc<Node>, home: &mut usize) -> Arc<Node> {
    context::with(|frame| {
        let info = &node.part().info;
        assert!(
            !frame.is_some_and(context::Frame::is_deepest),
            "nested too deeply: nursery {info}"
        );
        let around = frame
            .and_then(context::Frame::node)
            .expect("a nursery is polled inside its run: carry it there with the run's own tasks");
        let address = Arc::as_ptr(around) as usize;
        if *home != address {
            *home = address;
            node.attach(around);
            if let Some(adopter) = nearest(around) {
                node.part().set_adopter(adopter);
            }
        }
        around.clone()
    })
}

/// What a nursery returns once nobody is left in it; pending if an outer scope is to drop it.
#[allow(clippy::type_complexity)]
fn conclude<T, E: Send + 'static>(
    node: &Arc<Node>,
    value: Option<Result<T, E>>,
    is_around_cancelled: bool,
) -> Poll<Result<Result<T, NurseryError<E>>, PanicPayload>> {
    let mut panic: Option<PanicPayload> = None;
    let mut errors = Vec::new();
    for failed in node.part().take_failures() {
        match failed {
            Failed::Panic(payload) => {
                panic.get_or_insert(payload);
            }
            Failed::Error(error) => errors.push(error),
        }
    }
    if let Some(payload) = panic {
        node.run.report_orphans(errors.into_iter().map(Failed::Error).collect());
        return Poll::Ready(Err(payload));
    }
    let errors = errors.into_iter().map(typed::<E>);
    if let Some(errors) = Errors::from_iter(errors) {
        return Poll::Ready(Ok(Err(NurseryError::Failed(errors))));
    }
    // Errors beat cancellation; a cancellation from outside that cut something short beats the value,
    // for the code behind us is not to run (C12); our own does not (decided: `n.cancel()` is the
    // idiom to end a nursery's services).
    match value {
        Some(Ok(value)) if !(node.was_interrupted() && is_around_cancelled) => {
            Poll::Ready(Ok(Ok(value)))
        }
        _ if is_around_cancelled => Poll::Pending,
        _ => {
            let cause = node.cause().unwrap_or(Cause::Explicit(None));
            Poll::Ready(Ok(Err(NurseryError::Cancelled(cause))))
        }
    }
}

fn typed<E: 'static>(error: Box<dyn Any + Send>) -> E {
    match Failure::from_failed(Failed::Error(error)) {
        Failure::Error(error) => error,
        Failure::Panic(_) => unreachable!("an error stays an error"),
    }
}

impl<F: Future, E> fmt::Debug for NurseryFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NurseryFuture").field("node", &self.node).finish_non_exhaustive()
    }
}
