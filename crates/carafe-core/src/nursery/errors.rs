//! What a nursery says when it did not end well.

use std::any::Any;
use std::error::Error;
use std::fmt;

use super::part::AnyError;
use crate::cancel::Cause;

/// What a panic was called with.
pub type PanicPayload = Box<dyn Any + Send + 'static>;

/// A failure on its way from a child, whose type the nursery's shared part does not know.
pub(crate) enum Failed {
    Error(AnyError),
    Panic(PanicPayload),
}

/// How one child, or the body, failed.
pub enum Failure<E> {
    /// It returned an error.
    Error(E),
    /// It panicked.
    Panic(PanicPayload),
}

impl<E: 'static> Failure<E> {
    pub(crate) fn from_failed(failed: Failed) -> Self {
        match failed {
            Failed::Error(error) => match error.downcast() {
                Ok(error) => Failure::Error(*error),
                Err(_) => unreachable!("a nursery's children have its error type"),
            },
            Failed::Panic(payload) => Failure::Panic(payload),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Failure::Panic(payload) => f.debug_tuple("Panic").field(&panic_text(payload)).finish(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => error.fmt(f),
            Failure::Panic(payload) => write!(f, "panicked: {}", panic_text(payload)),
        }
    }
}

/// The text that a panic was called with, if it was text.
pub(crate) fn panic_text(payload: &PanicPayload) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a value that is not text"
    }
}

/// Every error of a nursery, in the order in which they came; never none.
///
/// The type does not depend on how many failed: one error is still `Errors`.
pub struct Errors<E> {
    first: E,
    rest: Vec<E>,
}

impl<E> Errors<E> {
    /// The errors, if there are any.
    pub(crate) fn from_iter(errors: impl IntoIterator<Item = E>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let first = errors.next()?;
        Some(Errors { first, rest: errors.collect() })
    }

    /// How many there are: at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        1 + self.rest.len()
    }

    /// The error that came first.
    pub fn first(&self) -> &E {
        &self.first
    }

    /// The error that came first; the others are dropped.
    pub fn into_first(self) -> E {
        self.first
    }

    /// The errors in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl<E> IntoIterator for Errors<E> {
    type Item = E;
    type IntoIter = std::iter::Chain<std::iter::Once<E>, std::vec::IntoIter<E>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.rest)
    }
}

impl<E: fmt::Debug> fmt::Debug for Errors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<E: fmt::Display> fmt::Display for Errors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        match self.rest.len() {
            0 => Ok(()),
            more => write!(f, " (+{more} more)"),
        }
    }
}

impl<E: Error + 'static> Error for Errors<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.first)
    }
}

/// Why a nursery has no value to return.
#[derive(Debug)]
pub enum NurseryError<E> {
    /// The body or children returned errors: all of them are here. Cancellation is never one of them.
    Failed(Errors<E>),
    /// The nursery itself was cancelled, or its deadline passed, before its body had a value.
    Cancelled(Cause),
}

impl<E> NurseryError<E> {
    /// The first error, if there are errors.
    pub fn into_first(self) -> Option<E> {
        match self {
            NurseryError::Failed(errors) => Some(errors.into_first()),
            NurseryError::Cancelled(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for NurseryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NurseryError::Failed(errors) => errors.fmt(f),
            NurseryError::Cancelled(cause) => write!(f, "the nursery was cancelled: {cause}"),
        }
    }
}

impl<E: Error + 'static> Error for NurseryError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            NurseryError::Failed(errors) => Some(&errors.first),
            NurseryError::Cancelled(_) => None,
        }
    }
}
