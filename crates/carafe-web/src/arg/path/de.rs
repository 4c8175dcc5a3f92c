//! Makes a value of the handler's type from the texts of a path.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeOwned, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess,
    Visitor,
};

use super::PathArgs;

/// Makes a `T` from all arguments of a path.
pub(super) fn from_args<T: DeserializeOwned>(args: &PathArgs) -> Result<T, Mismatch> {
    let args: Vec<_> = args.iter().collect();
    T::deserialize(Args(&args))
}

/// Makes a `T` from these names and texts.
pub(super) fn from_pairs<T: DeserializeOwned>(args: &[(&str, &str)]) -> Result<T, Mismatch> {
    T::deserialize(Args(args))
}

/// Why the texts make no value.
#[derive(Debug)]
pub(super) enum Mismatch {
    /// The type needs an argument that the rule does not have.
    MissingField(&'static str),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::MissingField(name) => write!(f, "the rule has no argument `{name}`"),
            Mismatch::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Mismatch::Other(text.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Mismatch::MissingField(field)
    }
}

/// All arguments: a tuple, a struct, a map, or the one that there is.
#[derive(Clone, Copy)]
struct Args<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Args<'a> {
    fn only(self) -> Result<Text<'a>, Mismatch> {
        match self.0 {
            [(_, text)] => Ok(Text(text)),
            args => Err(Mismatch::Other(format!(
                "one value is wanted, and the rule has {} arguments",
                args.len()
            ))),
        }
    }

    fn seq<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_seq(SeqDeserializer::new(self.0.iter().map(|(_, text)| Text(text))))
    }

    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor
            .visit_map(MapDeserializer::new(self.0.iter().map(|(name, text)| (*name, Text(text)))))
    }
}

/// Hands a method to the one argument that there is.
macro_rules! of_the_only_one {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Args<'_> {
    type Error = Mismatch;

    of_the_only_one! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf
        deserialize_identifier
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if len != self.0.len() {
            let found = self.0.len();
            return Err(Mismatch::Other(format!("a tuple of {len} is wanted, there are {found}")));
        }
        self.seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

/// One argument's text.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl<'de> IntoDeserializer<'de, Mismatch> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $what:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Mismatch::Other(format!("`{}` is not {}", self.0, $what))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Mismatch;

    parsed! {
        deserialize_bool visit_bool "true or false"
        deserialize_char visit_char "one character"
        deserialize_i8 visit_i8 "a number from -128 to 127"
        deserialize_i16 visit_i16 "a number of 16 bits"
        deserialize_i32 visit_i32 "a number of 32 bits"
        deserialize_i64 visit_i64 "a number of 64 bits"
        deserialize_i128 visit_i128 "a number of 128 bits"
        deserialize_u8 visit_u8 "a number from 0 to 255"
        deserialize_u16 visit_u16 "a number of 16 bits"
        deserialize_u32 visit_u32 "a number of 32 bits"
        deserialize_u64 visit_u64 "a number of 64 bits"
        deserialize_u128 visit_u128 "a number of 128 bits"
        deserialize_f32 visit_f32 "a number"
        deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_str(self.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_str(self.0)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_bytes(self.0.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_bytes(self.0.as_bytes())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_enum(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        str unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// A variant's name, of an enum without contents.
impl<'de> EnumAccess<'de> for Text<'_> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), Mismatch> {
        seed.deserialize(self).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Text<'_> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        _seed: S,
    ) -> Result<S::Value, Mismatch> {
        Err(Mismatch::custom("a variant with contents does not fit into a path"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch::custom("a variant with contents does not fit into a path"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Mismatch> {
        Err(Mismatch::custom("a variant with contents does not fit into a path"))
    }
}
