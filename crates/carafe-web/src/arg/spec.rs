//! What an argument needs, known before the first request.

use std::any::{TypeId, type_name};

use super::Shape;
use crate::routing::Argument;

/// What an argument needs of the rule and the app.
#[derive(Debug, Clone)]
pub struct ArgSpec {
    /// The argument's type, as the compiler spells it.
    pub(crate) type_name: &'static str,
    pub(crate) needs: Needs,
}

/// The needs that are checked.
#[derive(Debug, Clone)]
pub(crate) enum Needs {
    /// The rule's arguments, in this shape.
    Path { shape: Shape, missing: fn(&[Argument]) -> Option<&'static str> },
    /// The rule's arguments, whatever they are.
    AnyPath,
    /// A value of this type, given to the app.
    State { id: TypeId, name: &'static str },
    /// The request's body, which there is once.
    Body,
    /// All of the request: the body, and the arguments too.
    Request,
    /// A WebSocket route.
    WebSocket,
    /// Nothing that could be missing.
    Nothing,
}

impl ArgSpec {
    /// An argument that needs nothing in particular.
    pub fn free<T>() -> Self {
        Self::of::<T>(Needs::Nothing)
    }

    /// An argument that reads the arguments of the rule through [`Call::path_args`](super::Call::path_args).
    pub fn reads_path<T>() -> Self {
        Self::of::<T>(Needs::AnyPath)
    }

    /// An argument that takes the body through [`Call::take_body`](super::Call::take_body).
    pub fn takes_body<T>() -> Self {
        Self::of::<T>(Needs::Body)
    }

    pub(super) fn path<T>(shape: Shape, missing: fn(&[Argument]) -> Option<&'static str>) -> Self {
        Self::of::<T>(Needs::Path { shape, missing })
    }

    pub(super) fn state<T, S: 'static>() -> Self {
        Self::of::<T>(Needs::State { id: TypeId::of::<S>(), name: type_name::<S>() })
    }

    pub(super) fn of<T>(needs: Needs) -> Self {
        ArgSpec { type_name: type_name::<T>(), needs }
    }
}
