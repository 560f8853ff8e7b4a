//! Our own addition to the OpenAI request: the object `fachwerk`. It is read here and never sent to
//! any model server.

use std::{collections::HashSet, fmt::Display, hash::Hash, str::FromStr};

use domain::{CollectionId, DataClass, DocumentId, limits::NAMED_IDS_MAX};
use serde_json::Value;

use crate::RequestError;

/// What a request asks of Fachwerk besides the model's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extension {
    /// Collections to answer from, each once.
    pub collections: Vec<CollectionId>,
    /// Documents to answer from, each once.
    pub documents: Vec<DocumentId>,
    /// The class of what the caller itself sends.
    pub data_class: Option<DataClass>,
}

impl Extension {
    /// Reads the object; a key that we do not know is refused by its name, because a misspelt
    /// `data_class` must not go unnoticed.
    pub(crate) fn from_value(value: Value) -> Result<Self, RequestError> {
        let Value::Object(fields) = value else {
            return Err(RequestError::wrong_type("fachwerk", "an object", &value));
        };
        let mut extension = Self::default();
        for (key, value) in fields {
            match key.as_str() {
                "collections" => extension.collections = ids("fachwerk.collections", &value)?,
                "documents" => extension.documents = ids("fachwerk.documents", &value)?,
                "data_class" => extension.data_class = data_class(&value)?,
                _ => return Err(RequestError::unknown(format!("fachwerk.{key}"))),
            }
        }
        Ok(extension)
    }
}

fn data_class(value: &Value) -> Result<Option<DataClass>, RequestError> {
    const PARAM: &str = "fachwerk.data_class";
    match value {
        Value::Null => Ok(None),
        Value::String(code) => match code.parse() {
            Ok(class) => Ok(Some(class)),
            Err(_) => Err(RequestError::invalid_value(
                PARAM,
                "must be one of open, internal, personal, confidential, restricted",
            )),
        },
        other => Err(RequestError::wrong_type(PARAM, "a string", other)),
    }
}

fn ids<Id: FromStr<Err: Display> + Copy + Eq + Hash>(
    param: &str,
    value: &Value,
) -> Result<Vec<Id>, RequestError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        other => return Err(RequestError::wrong_type(param, "an array of ids", other)),
    };
    if items.len() > NAMED_IDS_MAX {
        return Err(RequestError::too_many(param, NAMED_IDS_MAX));
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = || format!("{param}[{index}]");
        let text = item.as_str().ok_or_else(|| RequestError::wrong_type(at(), "a string", item))?;
        let id = text.parse().map_err(|_| RequestError::invalid_value(at(), "is not an id"))?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
