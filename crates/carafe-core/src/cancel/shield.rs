use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::boundary::Boundary;
use super::node::Kind;

/// Keeps the scopes around it from dropping `future` before it ends.
///
/// Scopes *inside* `future` still cancel, and a deadline outside is not seen inside. A cancellation
/// that came meanwhile takes effect at the first suspension after the shield.
///
/// # On drop
///
/// Foreign code (a `select!`) may drop a shield: that drops `future`, and nothing is held any more.
#[track_caller]
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield { future: Some(future), boundary: Boundary::new(Kind::Shield) }
}

pin_project! {
    /// The future of [`shield`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Shield<F> {
        #[pin]
        future: Option<F>,
        boundary: Boundary,
    }

    impl<F> PinnedDrop for Shield<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.boundary.drop_inner(this.future);
        }
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.boundary.poll(this.future, cx).map(|output| match output {
            Ok(output) => output,
            Err(_) => unreachable!("a shield has no scope of its own to be cancelled"),
        })
    }
}
