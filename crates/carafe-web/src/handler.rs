//! Functions that answer requests.
//!
//! `async fn` and plain `fn` are handlers through the same calls. A plain one may block: it runs on a
//! thread, with the context of the request, and at most [`SYNC_HANDLERS`](crate::app::SYNC_HANDLERS) run at a time.

use std::any::type_name;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};

use crate::arg::{Arg, ArgSpec, Call};
use crate::reply::Reply;

/// A function that answers requests: up to eight arguments that implement [`Arg`], and a result that
/// implements [`Reply`].
///
/// The marker `M` is inferred; nobody writes it out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "this does not answer requests",
    note = "a handler is an `async fn`, a plain `fn` or a closure with up to 8 arguments",
    note = "each argument must be something that a request gives: `Path<T>`, `Query<T>`, `Json<T>`, `State<T>`, `String`, `AppHandle` …; the `T` of the first three must be `Deserialize`",
    note = "the result must be something to answer with: `&'static str`, `String`, `Json<T>`, `Html<T>`, `serde_json::Value`, `(reply, status)`, `Result<reply, carafe::Error>` …",
    note = "an async handler's future must be `Send`: nothing that is not (an `Rc`, a lock's guard) may live across an `.await`",
    note = "a closure keeps what it captures: `move || {{ let x = x.clone(); async move {{ .. }} }}`, not `async move || ..`; or give it to the app, as `State`"
)]
pub trait Handler<M>: Send + Sync + 'static {
    /// What is known of the handler before it is called.
    fn spec() -> HandlerSpec;

    /// Makes the arguments, calls the function and makes the response of what it returns.
    fn call(self: Arc<Self>, call: Call) -> impl Future<Output = Response> + Send + 'static;
}

/// What is known of a handler before it is called.
#[derive(Debug, Clone)]
pub struct HandlerSpec {
    /// The function's path.
    pub(crate) function: &'static str,
    /// Whether it runs on a thread.
    pub(crate) blocks: bool,
    pub(crate) args: Vec<ArgSpec>,
}

/// The marker of `async` handlers.
#[derive(Debug)]
pub struct Async<R, A>(PhantomData<(R, A)>);

/// The marker of plain `fn` handlers.
#[derive(Debug)]
pub struct Blocking<R, A>(PhantomData<(R, A)>);

macro_rules! handlers {
    ($count:literal: $($arg:ident $marker:ident)*) => {
        #[allow(non_snake_case, unused_mut, unused_variables)]
        impl<F, Fut, Out, R, $($arg, $marker,)*> Handler<Async<R, fn($($arg, $marker),*)>> for F
        where
            F: Fn($($arg),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Out> + Send + 'static,
            Out: Reply<R> + 'static,
            R: 'static,
            $($arg: Arg<$marker> + Send + 'static, $marker: 'static,)*
        {
            fn spec() -> HandlerSpec {
                let args = vec![$(<$arg as Arg<$marker>>::spec()),*];
                HandlerSpec { function: type_name::<F>(), blocks: false, args }
            }

            async fn call(self: Arc<Self>, mut call: Call) -> Response {
                call.expect_args($count);
                $(
                    call.next_arg();
                    let $arg = match <$arg as Arg<$marker>>::extract(&mut call).await {
                        Ok(made) => made,
                        Err(error) => return error.into_response(),
                    };
                )*
                drop(call);
                self($($arg),*).await.reply()
            }
        }

        #[allow(non_snake_case, unused_mut, unused_variables)]
        impl<F, Out, R, $($arg, $marker,)*> Handler<Blocking<R, fn($($arg, $marker),*)>> for F
        where
            F: Fn($($arg),*) -> Out + Send + Sync + 'static,
            Out: Reply<R> + 'static,
            R: 'static,
            $($arg: Arg<$marker> + Send + 'static, $marker: 'static,)*
        {
            fn spec() -> HandlerSpec {
                let args = vec![$(<$arg as Arg<$marker>>::spec()),*];
                HandlerSpec { function: type_name::<F>(), blocks: true, args }
            }

            async fn call(self: Arc<Self>, mut call: Call) -> Response {
                call.expect_args($count);
                $(
                    call.next_arg();
                    let $arg = match <$arg as Arg<$marker>>::extract(&mut call).await {
                        Ok(made) => made,
                        Err(error) => return error.into_response(),
                    };
                )*
                let limiter = call.app().sync_limiter().clone();
                drop(call);
                carafe_rt::to_thread(move || self($($arg),*).reply())
                    .limiter(&limiter)
                    .name(type_name::<F>())
                    .await
            }
        }
    };
}

handlers!(0:);
handlers!(1: A1 M1);
handlers!(2: A1 M1 A2 M2);
handlers!(3: A1 M1 A2 M2 A3 M3);
handlers!(4: A1 M1 A2 M2 A3 M3 A4 M4);
handlers!(5: A1 M1 A2 M2 A3 M3 A4 M4 A5 M5);
handlers!(6: A1 M1 A2 M2 A3 M3 A4 M4 A5 M5 A6 M6);
handlers!(7: A1 M1 A2 M2 A3 M3 A4 M4 A5 M5 A6 M6 A7 M7);
handlers!(8: A1 M1 A2 M2 A3 M3 A4 M4 A5 M5 A6 M6 A7 M7 A8 M8);

/// A handler of which only the calls are known.
pub(crate) trait Endpoint: Send + Sync {
    fn call(&self, call: Call) -> Answer;
}

/// The response to come.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Forgets the type of `handler`.
pub(crate) fn erased<H: Handler<M>, M: 'static>(handler: H) -> Box<dyn Endpoint> {
    Box::new(Erased { handler: Arc::new(handler), marker: PhantomData })
}

struct Erased<H, M> {
    handler: Arc<H>,
    marker: PhantomData<fn() -> M>,
}

impl<H: Handler<M>, M: 'static> Endpoint for Erased<H, M> {
    fn call(&self, call: Call) -> Answer {
        Box::pin(self.handler.clone().call(call))
    }
}
