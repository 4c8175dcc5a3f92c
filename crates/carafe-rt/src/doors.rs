//! The doors through which a proc macro learns what is compiled in.
//!
//! `if_smol! { { .. } else { .. } }` writes the first block where the backend is compiled in, and the
//! second where it is not. A proc macro does not see carafe's features; a `macro_rules` of carafe's
//! does.

#[cfg(feature = "tokio")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_tokio {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($compiled)* };
}

#[cfg(not(feature = "tokio"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_tokio {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($absent)* };
}

#[cfg(feature = "smol")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_smol {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($compiled)* };
}

#[cfg(not(feature = "smol"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_smol {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($absent)* };
}

#[cfg(feature = "async-std")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_async_std {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($compiled)* };
}

#[cfg(not(feature = "async-std"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_async_std {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($absent)* };
}

#[cfg(feature = "sim")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_sim {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($compiled)* };
}

#[cfg(not(feature = "sim"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_sim {
    ({ $($compiled:tt)* } else { $($absent:tt)* }) => { $($absent)* };
}
