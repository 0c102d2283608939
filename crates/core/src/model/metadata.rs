//! Typed metadata values: what JSON can say.

use std::collections::BTreeMap;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// Metadata of a record: names to values.
pub type Metadata = BTreeMap<String, Value>;

/// One metadata value. Numbers are finite.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// JSON `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// Text.
    Text(String),
    /// An ordered list.
    List(Vec<Value>),
    /// Names to values.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// Levels of nesting: 1 for a plain value.
    pub fn depth(&self) -> usize {
        1 + match self {
            Value::List(items) => items.iter().map(Value::depth).max().unwrap_or(0),
            Value::Map(entries) => entries.values().map(Value::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        8 + match self {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::Text(text) => 16 + text.len(),
            Value::List(items) => items.iter().map(Value::bytes).sum(),
            Value::Map(entries) => entries.iter().map(|(name, value)| 24 + name.len() + value.bytes()).sum(),
        }
    }

    /// The value at `path`, a list of names from the outside in.
    pub fn at<'a>(&'a self, path: &[String]) -> Option<&'a Value> {
        path.iter().try_fold(self, |value, name| match value {
            Value::Map(entries) => entries.get(name),
            _ => None,
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

// Hand-written so that a value looks like plain JSON in every self-describing format.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(entries) => serializer.collect_map(entries),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Plain;

        impl<'de> Visitor<'de> for Plain {
            type Value = Value;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("null, a boolean, a finite number, a string, a list or an object of these")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_none<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
                deserializer.deserialize_any(Plain)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Bool(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Number(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number as f64))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                if number.is_finite() {
                    Ok(Value::Number(number))
                } else {
                    Err(E::custom("a number that is not finite"))
                }
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Value, E> {
                Ok(Value::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    entries.insert(name, value);
                }
                Ok(Value::Map(entries))
            }
        }

        deserializer.deserialize_any(Plain)
    }
}
