//! The body of a request in one go: its fields, and the messages as a list of fields. Judges nothing:
//! whatever is not of this shape is left to those who say what is wrong with it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{Fields, fields::Gathered};

struct Body {
    fields: Fields,
    messages: Vec<Fields>,
}

/// Reads a body; `None` if it is no object with a list of objects under `messages`, once.
pub(super) fn read(body: &[u8]) -> Option<(Fields, Vec<Fields>)> {
    let Body { fields, messages } = serde_json::from_slice(body).ok()?;
    Some((fields, messages))
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of messages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Body, A::Error> {
        let mut gathered = Gathered::default();
        let mut messages = None;
        while let Some(name) = entries.next_key::<String>()? {
            if name != "messages" {
                gathered.set(name, entries.next_value()?);
            } else if messages.replace(entries.next_value()?).is_none() {
                gathered.set(name, Value::Null);
            } else {
                return Err(A::Error::duplicate_field("messages"));
            }
        }
        let messages = messages.ok_or_else(|| A::Error::missing_field("messages"))?;
        Ok(Body { fields: gathered.fields, messages })
    }
}
