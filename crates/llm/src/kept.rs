//! A request of which only a few fields are read: all others are kept as they came.

use std::{borrow::Cow, ops::RangeInclusive};

use serde_json::{Map, Value};

use crate::request::{model_of, parse_object};
use crate::{Extension, RequestError, texts};

/// The model, our own extension, and every field as it came but for the extension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub model: String,
    pub extension: Option<Extension>,
    pub fields: Map<String, Value>,
}

impl Kept {
    /// Parses a body that must be a JSON object with a model.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, RequestError> {
        Self::from_fields(parse_object(body)?)
    }

    /// The same where the model may be missing.
    pub(crate) fn parse_with_default(body: &[u8], model: &str) -> Result<Self, RequestError> {
        let mut fields = parse_object(body)?;
        if fields.get("model").is_none_or(Value::is_null) {
            fields.insert("model".to_owned(), model.into());
        }
        Self::from_fields(fields)
    }

    fn from_fields(mut fields: Map<String, Value>) -> Result<Self, RequestError> {
        let model = model_of(&fields)?;
        let extension = match fields.shift_remove("fachwerk") {
            None | Some(Value::Null) => None,
            Some(value) => Some(Extension::from_value(value)?),
        };
        Ok(Self { model, extension, fields })
    }

    /// A field, `None` if absent or null.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Every text in any field, for whoever must look at all that goes out.
    pub(crate) fn texts(&self) -> Vec<Cow<'_, str>> {
        let mut texts = Vec::new();
        for (name, value) in self.fields.iter().filter(|(name, _)| *name != "model") {
            texts::strings(value, name, &mut texts);
        }
        texts
    }

    /// The body for a server, with its own name for the model and each field under the name that
    /// `name_of` gives it, if any.
    pub(crate) fn encode<'a>(
        &'a self,
        upstream_model: &str,
        name_of: impl Fn(&'a str) -> Option<&'a str>,
    ) -> Vec<u8> {
        let mut body = Map::new();
        for (field, value) in &self.fields {
            if field == "model" {
                body.insert("model".to_owned(), upstream_model.into());
            } else if let Some(name) = name_of(field) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        serde_json::to_vec(&body).expect("JSON values always serialise")
    }

    /// Refuses the wish for an answer in pieces, for interfaces whose answers come whole. A server that
    /// followed it would look as if it failed.
    pub(crate) fn refuse_stream(&self) -> Result<(), RequestError> {
        match self.field("stream") {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(Value::Bool(true)) => {
                let message = "cannot be true here: the answer comes whole";
                Err(RequestError::unsupported("stream", message))
            }
            Some(other) => Err(RequestError::wrong_type("stream", "a boolean", other)),
        }
    }

    /// A positive whole number up to `max`.
    pub(crate) fn count(&self, name: &str, max: u64) -> Result<Option<u64>, RequestError> {
        self.number(name, 1..=max)
    }

    /// A whole number in a range.
    pub(crate) fn number(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, RequestError> {
        match self.field(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) if range.contains(&number) => Ok(Some(number)),
                _ => Err(RequestError::out_of_range(name, *range.start(), *range.end())),
            },
        }
    }

    /// Refuses every field that is on neither list and has a value.
    pub(crate) fn check(
        &self,
        known: &[&str],
        refuse: impl Fn(&str) -> RequestError,
    ) -> Result<(), RequestError> {
        let mut names = self.fields.iter().filter(|(_, value)| !value.is_null());
        let unknown = names.find(|(name, _)| *name != "model" && !known.contains(&name.as_str()));
        unknown.map_or(Ok(()), |(name, _)| Err(refuse(name)))
    }
}
