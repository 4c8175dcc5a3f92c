//! The part of a socket's life that is still HTTP: from the request to the 101.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use carafe_core::{CancelScope, Cancelled, PanicPayload, ScopeRun};
use http::{Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use super::handshake::switching;
use super::shared::Wish;
use super::{Options, Upgrade, WebSocket};
use crate::caught::Caught;

/// Answers a request for a WebSocket with one, held by `handler`.
///
/// The handler runs in the request's scope at first. When it accepts (by `receive`, `send` or
/// `accept`) the answer is 101, and it runs on in the connection's task, in a scope of its own. When
/// it ends before that, the answer is the response that it returned as its error, or 403; a panic
/// before that is passed on.
///
/// After that, `Ok` closes the socket with 1000 and `Err` with 1011; the response is not used then.
///
/// A request that breaks the rules is answered with 400, or 426 for another version; see
/// [`Upgrade::from_parts`].
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// use carafe_http::{Incoming, ws};
/// use http::{Request, Response};
///
/// async fn echo(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
///     let response = ws::serve(request, ws::Options::new(), async |socket| {
///         while let Ok(message) = socket.receive().await {
///             let _ = socket.send(message).await; // A peer that is gone ends the loop.
///         }
///         Ok(())
///     });
///     Ok(response.await)
/// }
/// ```
///
/// # On drop
///
/// Drops the handler, unless it has accepted.
pub fn serve<Body, B, H, F>(
    request: Request<Body>,
    options: Options,
    handler: H,
) -> impl Future<Output = Response<B>> + Send
where
    H: FnOnce(WebSocket) -> F,
    F: Future<Output = Result<(), Response<B>>> + Send + 'static,
    B: Default + Send + 'static,
{
    let (mut parts, _) = request.into_parts();
    let serving = match Upgrade::from_parts(&mut parts) {
        Ok(upgrade) => Ok(upgrade.serve(options, handler)),
        Err(refusal) => Err(refusal),
    };
    async move {
        match serving {
            Ok(serving) => serving.await,
            Err(refusal) => refusal.into_response(),
        }
    }
}

impl Upgrade {
    /// Answers the request with a WebSocket, held by `handler`; see [`serve`].
    pub fn serve<B, H, F>(
        self,
        options: Options,
        handler: H,
    ) -> impl Future<Output = Response<B>> + Send
    where
        H: FnOnce(WebSocket) -> F,
        F: Future<Output = Result<(), Response<B>>> + Send + 'static,
        B: Default + Send + 'static,
    {
        let Upgrade { on_upgrade, accept, offered } = self;
        let protocol = offered.into_iter().find(|name| options.protocols.contains(name));
        let socket = WebSocket::new(&options, protocol.map(Into::into));
        let future = handler(socket.clone());
        async move {
            let scope = CancelScope::new();
            let mut handler = Box::pin(scope.run(Caught::new(future)));
            match until_decided(&mut handler, &scope, &socket).await {
                Decision::Refuse(response) => response,
                Decision::Accept(ended) => {
                    let response = switching(accept, socket.protocol());
                    let handler =
                        Handler { scope, future: Box::pin(async move { ended_of(handler.await) }) };
                    let handler = ended.map_or(Ok(handler), Err);
                    Accepted { socket, options, on_upgrade, handler }.put_into(response)
                }
            }
        }
    }
}

/// The handler's future in its scope.
type Run<F> = ScopeRun<Caught<F>>;

enum Decision<B> {
    /// To answer with 101; the handler may have ended already.
    Accept(Option<Ended>),
    /// To answer with this.
    Refuse(Response<B>),
}

/// Polls the handler until it is clear whether there will be a socket.
async fn until_decided<F, B>(
    handler: &mut Pin<Box<Run<F>>>,
    scope: &CancelScope,
    socket: &WebSocket,
) -> Decision<B>
where
    F: Future<Output = Result<(), Response<B>>>,
    B: Default,
{
    poll_fn(|cx| {
        let shared = socket.shared();
        shared.begin_poll(cx.waker());
        loop {
            let polled = handler.as_mut().poll(cx);
            match (polled, shared.wish()) {
                (Poll::Ready(outcome), Wish::Accept) => {
                    return Poll::Ready(Decision::Accept(Some(ended_of(outcome))));
                }
                (Poll::Ready(outcome), Wish::None | Wish::Refuse) => {
                    return Poll::Ready(Decision::Refuse(refusal_of(outcome)));
                }
                (Poll::Pending, Wish::Accept) => return Poll::Ready(Decision::Accept(None)),
                (Poll::Pending, Wish::Refuse) if !scope.is_cancelled() => scope.cancel(),
                (Poll::Pending, Wish::None | Wish::Refuse) => {
                    if shared.end_poll() {
                        return Poll::Pending;
                    }
                }
            }
        }
    })
    .await
}

/// What a handler comes to: its own end, its panic, or its scope's.
type Outcome<B> = Result<Result<Result<(), Response<B>>, PanicPayload>, Cancelled>;

/// The plain answer of a handler that ended without accepting.
fn refusal_of<B: Default>(outcome: Outcome<B>) -> Response<B> {
    match outcome {
        Ok(Ok(Err(response))) => response,
        Ok(Ok(Ok(()))) | Err(_) => {
            let mut response = Response::new(B::default());
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        // To whoever answers for handlers that panic.
        Ok(Err(payload)) => resume_unwind(payload),
    }
}

fn ended_of<B>(outcome: Outcome<B>) -> Ended {
    match outcome {
        Ok(Ok(Ok(()))) => Ended::Done,
        Ok(Ok(Err(_))) => Ended::Failed,
        Ok(Err(payload)) => Ended::Panicked(payload),
        Err(_) => Ended::Cancelled,
    }
}

/// How the handler of an open socket ended.
pub(super) enum Ended {
    Done,
    Failed,
    Panicked(PanicPayload),
    Cancelled,
}

/// The handler of a socket, which outlives its request.
pub(super) struct Handler {
    pub(super) scope: CancelScope,
    pub(super) future: Pin<Box<dyn Future<Output = Ended> + Send>>,
}

/// An accepted upgrade on its way from the service to the connection's task.
///
/// It travels in the extensions of the 101, through whatever layers lie between.
pub(crate) struct Accepted {
    pub(super) socket: WebSocket,
    pub(super) options: Options,
    pub(crate) on_upgrade: OnUpgrade,
    /// The handler, or how it ended while it was accepting.
    pub(super) handler: Result<Handler, Ended>,
}

/// Extensions must be clonable; whoever comes first takes the upgrade.
#[derive(Clone)]
struct Carried(Arc<Mutex<Option<Accepted>>>);

impl Accepted {
    fn put_into<B>(self, mut response: Response<B>) -> Response<B> {
        response.extensions_mut().insert(Carried(Arc::new(Mutex::new(Some(self)))));
        response
    }

    /// Takes the upgrade out of a response that carries one.
    pub(crate) fn take_from<B>(response: &mut Response<B>) -> Option<Self> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let Carried(accepted) = response.extensions_mut().remove()?;
        accepted.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
