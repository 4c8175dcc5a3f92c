//! The type of what never returns, for trait implementations.

/// The type that is written `!`, which may not be named elsewhere than behind an arrow yet.
pub(crate) type Never = <fn() -> ! as Returns>::Value;

/// What a function returns.
pub trait Returns {
    type Value;
}

impl<T> Returns for fn() -> T {
    type Value = T;
}
