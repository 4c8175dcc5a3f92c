//! A nursery, waiting: for its body, then for its children.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::errors::{Errors, Failed, Failure, NurseryError, PanicPayload};
use super::part::ChildInfo;
use crate::cancel::Cause;
use crate::cancel::node::Node;
use crate::cancel::slot::Slot;
use crate::context::{self, Frame};

pin_project! {
    /// An open nursery; see [`nursery_with`](crate::nursery_with).
    #[must_use = "a nursery does nothing until it is awaited"]
    pub struct NurseryFuture<F: Future, E> {
        // None once the body has ended or was dropped.
        #[pin]
        body: Option<F>,
        value: Option<F::Output>,
        // Over a node that is there from the start.
        slot: Slot,
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
            let dropped = context::enter_inner(this.slot, || {
                catch_unwind(AssertUnwindSafe(|| this.body.set(None)))
            });
            let node = this.slot.get().expect("a nursery has its node from the start");
            if let Err(payload) = dropped {
                node.fail(Failed::Panic(payload));
            }
            if !this.slot.is_settled() {
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
            slot: Slot::over(node),
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
        let node = this.slot.get().expect("a nursery has its node from the start").clone();
        check_place(&node.part().info);
        let around = settle(this.slot);

        if let Some(body) = this.body.as_mut().as_pin_mut() {
            let polled = context::enter_inner(this.slot, || {
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
            let dropped = context::enter_inner(this.slot, || {
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
        let is_around_cancelled = context::with(|frame| frame.is_some_and(Frame::is_cancelled));
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

/// Refuses to be polled where a nursery cannot be.
fn check_place(info: &ChildInfo) {
    context::with(|frame| {
        assert!(
            frame.is_some() && context::place() == context::Place::Polling,
            "nursery {info} is polled outside its run: only the run's own tasks can await it"
        );
        assert!(!frame.is_some_and(Frame::is_deepest), "nested too deeply: nursery {info}");
    });
}

/// Hangs the node below the boundary that polls it now, and returns that one's node.
fn settle(slot: &Slot) -> Arc<Node> {
    context::with(|frame| {
        let around = frame.and_then(Frame::node).expect("a nursery is polled inside its run");
        slot.settle(around);
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
        f.debug_struct("NurseryFuture").field("slot", &self.slot).finish_non_exhaustive()
    }
}
