//! What engines that read and give nothing but text refuse, by name.

use llm::{ChatRequest, RequestError, STRUCTURE_FIELDS};
use serde_json::Value;

/// Refuses what asks for more than one answer or for more than text. `who` cannot do it.
pub(crate) fn check(request: &ChatRequest, who: &str) -> Result<(), RequestError> {
    if request.n() > 1 {
        let text = format!("must be 1 for {who}, which has one answer");
        return Err(RequestError::unsupported("n", &text));
    }
    let refused = STRUCTURE_FIELDS
        .into_iter()
        .find(|name| request.field(name).is_some_and(|value| asks_for_more(name, value)));
    if let Some(name) = refused {
        let text = format!("cannot be used with {who}, which gives text only");
        return Err(RequestError::unsupported(name, &text));
    }
    match request.messages().iter().position(llm::Message::has_other_parts) {
        Some(index) => Err(RequestError::unsupported(
            format!("messages[{index}].content"),
            &format!("holds something other than text, which {who} cannot read"),
        )),
        None => Ok(()),
    }
}

/// Whether a field asks for more than plain text; empty lists and explicit defaults do not.
fn asks_for_more(name: &str, value: &Value) -> bool {
    match value {
        Value::Bool(wanted) => *wanted,
        Value::Array(items) => items.iter().any(|item| item != "text"),
        Value::Object(fields) if name == "response_format" => {
            fields.get("type").and_then(Value::as_str) != Some("text")
        }
        _ => true,
    }
}
