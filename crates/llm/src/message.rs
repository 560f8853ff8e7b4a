//! One message of a chat.

use std::borrow::Cow;

use serde_json::Value;

use crate::{Fields, RequestError};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Whoever set the conversation up.
    System,
    /// The newer name for [`Role::System`].
    Developer,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
}

impl Role {
    const ALL: [Self; 5] = [Self::System, Self::Developer, Self::User, Self::Assistant, Self::Tool];

    /// The name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Says whether it sets rules rather than takes part.
    #[must_use]
    pub const fn is_instruction(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// A message with all fields as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    role: Role,
    fields: Fields,
}

impl Message {
    /// A message that is only text.
    #[must_use]
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        let mut fields = Fields::default();
        fields.insert("role", role.code().into());
        fields.insert("content", Value::String(text.into()));
        Self { role, fields }
    }

    /// A text of the person that asks.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, text)
    }

    /// An earlier answer.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, text)
    }

    /// Who speaks.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The text: the content itself, or its text parts joined by line breaks. Images, files and tool
    /// calls have no text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self.fields.get("content") {
            Some(Value::String(text)) => Cow::Borrowed(text),
            Some(Value::Array(parts)) => {
                let texts: Vec<&str> =
                    parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
                Cow::Owned(texts.join("\n"))
            }
            _ => Cow::Borrowed(""),
        }
    }

    /// Says whether a part of the content is something other than text.
    #[must_use]
    pub fn has_other_parts(&self) -> bool {
        let parts = self.fields.get("content").and_then(Value::as_array);
        parts.is_some_and(|parts| {
            parts.iter().any(|part| part.get("type").and_then(Value::as_str) != Some("text"))
        })
    }

    /// All fields, as on the wire.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(crate) fn fields_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.fields.iter_mut()
    }

    /// The same message with `text` put after its own.
    pub(crate) fn followed_by(&self, text: &str) -> Self {
        let mut fields = self.fields.clone();
        match fields.get_mut("content") {
            Some(Value::String(own)) => {
                own.push_str("\n\n");
                own.push_str(text);
            }
            Some(Value::Array(parts)) => {
                parts.push(serde_json::json!({"type": "text", "text": text}));
            }
            _ => {
                fields.insert("content", text.into());
            }
        }
        Self { role: self.role, fields }
    }

    /// The same message without what only other dialects know, for a request that came in another
    /// dialect and goes to a server that speaks OpenAI.
    pub(crate) fn plain(&self, as_system: bool, with_reasoning: bool) -> Self {
        let mut fields = self.fields.clone();
        let role = if as_system { Role::System } else { self.role };
        fields.insert("role", role.code().into());
        for name in ["thinking_blocks", "cache_control"] {
            fields.remove(name);
        }
        if fields.remove("is_error") == Some(Value::Bool(true)) {
            mark_as_failed(&mut fields);
        }
        if !with_reasoning {
            fields.remove("reasoning_content");
        }
        for list in ["content", "tool_calls"] {
            let items = fields.get_mut(list).and_then(Value::as_array_mut);
            for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                item.shift_remove("cache_control");
            }
        }
        Self { role, fields }
    }

    /// Checks what stands at `messages[index]`.
    pub(crate) fn from_value(index: usize, value: Value) -> Result<Self, RequestError> {
        match value {
            Value::Object(fields) => Self::from_fields(index, fields.into()),
            other => {
                Err(RequestError::wrong_type(format!("messages[{index}]"), "an object", &other))
            }
        }
    }

    /// Checks the fields that stand at `messages[index]`.
    pub(crate) fn from_fields(index: usize, fields: Fields) -> Result<Self, RequestError> {
        let at = |field: &str| format!("messages[{index}]{field}");
        let role = match fields.get("role") {
            None => return Err(RequestError::missing(at(".role"))),
            Some(Value::String(code)) => Role::ALL.into_iter().find(|role| role.code() == code),
            Some(other) => return Err(RequestError::wrong_type(at(".role"), "a string", other)),
        };
        let role = role.ok_or_else(|| {
            RequestError::invalid_value(
                at(".role"),
                "must be one of system, developer, user, assistant, tool",
            )
        })?;
        check_content(role, fields.get("content"), || at(".content"))?;
        Ok(Self { role, fields })
    }
}

/// What stands before the result of a tool that failed where a server has no field to say so.
pub(crate) const FAILED: &str = "Error: ";

fn mark_as_failed(fields: &mut Fields) {
    match fields.get_mut("content") {
        Some(Value::String(text)) => text.insert_str(0, FAILED),
        Some(Value::Array(parts)) => {
            parts.insert(0, serde_json::json!({"type": "text", "text": FAILED.trim_end()}));
        }
        _ => fields.insert("content", FAILED.trim_end().into()),
    }
}

fn check_content(
    role: Role,
    content: Option<&Value>,
    param: impl Fn() -> String,
) -> Result<(), RequestError> {
    match content {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) => {
            let param = param();
            let mut parts = parts.iter().enumerate();
            parts.try_for_each(|(index, part)| check_part(part, &format!("{param}[{index}]")))
        }
        // A turn of the model that only calls tools has no content.
        None | Some(Value::Null) if role == Role::Assistant => Ok(()),
        None => Err(RequestError::missing(param())),
        Some(other) => {
            Err(RequestError::wrong_type(param(), "a string or an array of parts", other))
        }
    }
}

fn check_part(part: &Value, param: &str) -> Result<(), RequestError> {
    let Value::Object(fields) = part else {
        return Err(RequestError::wrong_type(param, "an object", part));
    };
    match fields.get("type") {
        None => Err(RequestError::missing(format!("{param}.type"))),
        Some(Value::String(kind)) if kind == "text" => match fields.get("text") {
            None => Err(RequestError::missing(format!("{param}.text"))),
            Some(Value::String(_)) => Ok(()),
            Some(other) => {
                Err(RequestError::wrong_type(format!("{param}.text"), "a string", other))
            }
        },
        Some(Value::String(_)) => Ok(()),
        Some(other) => Err(RequestError::wrong_type(format!("{param}.type"), "a string", other)),
    }
}
