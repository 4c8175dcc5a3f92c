//! What a `Path<T>` wants of its rule, found out before the first request.

use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

use super::de::{Mismatch, from_pairs};
use crate::routing::Argument;

/// What a type wants of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One value.
    One,
    /// So many, in order.
    Tuple(usize),
    /// By name.
    Struct,
    /// As many as there are, or none.
    Any,
}

impl Shape {
    /// Watches what `T` asks of a deserializer first.
    pub(super) fn of<T: DeserializeOwned>() -> Self {
        match T::deserialize(Recorder) {
            Err(Seen(shape)) => shape,
            // A type that asks for nothing takes everything.
            Ok(_) => Shape::Any,
        }
    }
}

/// The first name that `T` cannot do without and that `arguments` do not have: asked of `T` itself,
/// which alone knows about defaults, renames and options. What else it finds wrong with the sample
/// texts (a date that is none) says nothing about the rule.
pub(super) fn missing_field<T: DeserializeOwned>(arguments: &[Argument]) -> Option<&'static str> {
    let samples: Vec<_> = arguments.iter().map(|argument| argument.converter.sample()).collect();
    let names = arguments.iter().map(|argument| argument.name.as_str());
    let pairs: Vec<_> = names.zip(samples.iter().map(String::as_str)).collect();
    match from_pairs::<T>(&pairs) {
        Err(Mismatch::MissingField(name)) => Some(name),
        Ok(_) | Err(Mismatch::Other(_)) => None,
    }
}

/// A deserializer that answers the first question with an error that says which it was.
#[derive(Clone, Copy)]
struct Recorder;

/// The first question.
#[derive(Debug)]
struct Seen(Shape);

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Seen {}

impl de::Error for Seen {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Seen(Shape::Any)
    }
}

macro_rules! seen {
    ($($shape:expr => $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
            Err(Seen($shape))
        }
    )*)*};
}

impl<'de> Deserializer<'de> for Recorder {
    type Error = Seen;

    seen! {
        Shape::One =>
            deserialize_bool deserialize_char deserialize_str deserialize_string
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
            deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf
            deserialize_identifier;
        Shape::Any =>
            deserialize_any deserialize_seq deserialize_map deserialize_unit
            deserialize_ignored_any;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Seen> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _: V,
    ) -> Result<V::Value, Seen> {
        Err(Seen(Shape::Any))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, _: V) -> Result<V::Value, Seen> {
        Err(Seen(Shape::Tuple(len)))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        _: V,
    ) -> Result<V::Value, Seen> {
        Err(Seen(Shape::Tuple(len)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Seen> {
        Err(Seen(Shape::Struct))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Seen> {
        Err(Seen(Shape::One))
    }
}
