//! The run's first task, which borrows what it likes and returns a value, and the wait for all others.

use std::cell::OnceCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancel::Cause;
use crate::cancel::node::Node;
use crate::context;
use crate::nursery::part::TaskEntry;
use crate::nursery::{ChildInfo, PanicPayload};

/// How the first task ended.
pub(crate) enum End<T> {
    Value(T),
    Panic(PanicPayload),
    Cancelled(Cause),
}

pin_project! {
    /// The first task. It is a child of the root in all but the count: the run waits for it by
    /// awaiting it.
    pub(crate) struct MainTask<F, M> {
        #[pin]
        body: Option<F>,
        // Makes the body, inside the task's frame: what it does at once may need the run.
        make: Option<M>,
        nursery: Arc<Node>,
        info: ChildInfo,
        root: OnceCell<Arc<Node>>,
        key: Option<u32>,
    }

    impl<F, M> PinnedDrop for MainTask<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.body.is_some() {
                // The loop gives up before the end: what is inside still learns who adopts it.
                context::enter_task(this.nursery, this.root, || this.body.set(None));
            }
        }
    }
}

impl<F, M> MainTask<F, M>
where
    M: FnOnce() -> F,
    F: Future,
{
    pub(crate) fn new(nursery: Arc<Node>, location: &'static Location<'static>, make: M) -> Self {
        let info = ChildInfo { name: Some(Arc::new("main".into())), location };
        MainTask { body: None, make: Some(make), nursery, info, root: OnceCell::new(), key: None }
    }
}

impl<F, M> Future for MainTask<F, M>
where
    M: FnOnce() -> F,
    F: Future,
{
    type Output = End<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = context::enter_task(this.nursery, this.root, || {
            catch_unwind(AssertUnwindSafe(|| {
                if let Some(make) = this.make.take() {
                    this.body.set(Some(make()));
                }
                let body = this.body.as_mut().as_pin_mut();
                body.expect("the first task is polled until it has ended").poll(cx)
            }))
        });
        let end = match polled {
            Ok(Poll::Ready(value)) => End::Value(value),
            Err(payload) => End::Panic(payload),
            Ok(Poll::Pending) => {
                let part = this.nursery.part();
                let entry = TaskEntry {
                    waker: cx.waker().clone(),
                    info: this.info.clone(),
                    root: this.root.get().cloned(),
                };
                match *this.key {
                    None => *this.key = Some(part.link(entry)),
                    Some(key) => part.relink(key, entry),
                }
                if let Some(root) = this.root.get() {
                    root.park(cx.waker());
                }
                if !this.nursery.is_due() || this.root.get().is_some_and(|root| root.is_held()) {
                    return Poll::Pending;
                }
                End::Cancelled(this.nursery.cause().unwrap_or(Cause::Shutdown))
            }
        };
        let dropped = context::enter_task(this.nursery, this.root, || {
            catch_unwind(AssertUnwindSafe(|| this.body.set(None)))
        });
        if let Some(root) = this.root.take() {
            root.forsake();
            root.detach();
        }
        if let Some(key) = this.key.take() {
            this.nursery.part().unlink(key);
        }
        Poll::Ready(match dropped {
            Ok(()) => end,
            Err(payload) => End::Panic(payload),
        })
    }
}

/// Waits until nobody is left in a root, and closes it.
pub(crate) async fn joined(root: &Arc<Node>) {
    let part = root.part();
    part.set_body_gone();
    poll_fn(|cx| {
        if part.count.try_close() {
            return Poll::Ready(());
        }
        root.park(cx.waker());
        if part.count.try_close() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
