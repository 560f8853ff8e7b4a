//! Puts a whole answer together from the pieces that the dialects other than OpenAI's give.

use serde_json::{Value, json};

/// The pieces of one message.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    text: Option<String>,
    reasoning: Option<String>,
    sealed: Vec<Value>,
    calls: Vec<Value>,
}

impl Answer {
    pub(crate) fn push_text(&mut self, text: &str) {
        self.text.get_or_insert_default().push_str(text);
    }

    pub(crate) fn push_reasoning(&mut self, text: &str) {
        self.reasoning.get_or_insert_default().push_str(text);
    }

    /// A block of thinking that only the server which wrote it can check or open.
    pub(crate) fn push_sealed(&mut self, block: Value) {
        self.sealed.push(block);
    }

    pub(crate) fn push_call(&mut self, call: Value) {
        self.calls.push(call);
    }

    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// How many calls there are.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn into_message(self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text, "refusal": null});
        if let Some(reasoning) = self.reasoning {
            message["reasoning_content"] = reasoning.into();
        }
        if !self.sealed.is_empty() {
            message["thinking_blocks"] = self.sealed.into();
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = self.calls.into();
        }
        message
    }
}

/// A tool call as OpenAI writes it. A server that gives no arguments means none.
pub(crate) fn call(id: &str, name: &str, arguments: Option<&Value>) -> Value {
    let arguments = arguments.map_or_else(|| "{}".to_owned(), Value::to_string);
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// An id for a call of a server that gives none: unique within a conversation as `answer_id` is.
pub(crate) fn call_id(answer_id: &str, number: usize) -> String {
    let answer = answer_id.strip_prefix("chatcmpl-").unwrap_or(answer_id);
    format!("call_{answer}_{number}")
}
