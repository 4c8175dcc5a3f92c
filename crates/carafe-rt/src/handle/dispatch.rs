//! One match over the backends, written once.

/// Evaluates an expression with what is inside the variant, whichever it is.
macro_rules! on_backend {
    ($value:expr, $from:ident($inside:ident) => $body:expr) => {
        match $value {
            $from::Tokio($inside) => $body,
            $from::Smol($inside) => $body,
            $from::AsyncStd($inside) => $body,
            $from::Sim($inside) => $body,
            $from::Boxed($inside) => $body,
        }
    };
}

/// The same, and wraps the result in the variant of the same name of another enum.
macro_rules! map_backend {
    ($value:expr, $from:ident($inside:ident) => $to:ident($body:expr)) => {
        match $value {
            $from::Tokio($inside) => $to::Tokio($body),
            $from::Smol($inside) => $to::Smol($body),
            $from::AsyncStd($inside) => $to::AsyncStd($body),
            $from::Sim($inside) => $to::Sim($body),
            $from::Boxed($inside) => $to::Boxed($body),
        }
    };
}

pub(crate) use {map_backend, on_backend};
