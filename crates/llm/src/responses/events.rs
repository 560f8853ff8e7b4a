//! A streamed answer as typed events of Responses.

use serde_json::{Value, json};

use super::Echo;
use super::content::Content;
use super::output::{self, Call, Status};
use crate::{AnswerPlace, ChatChunk, call_order::CallOrder, openai::Head};

/// Most bytes of generated text that one stream repeats in its closing events; beyond: the stream
/// fails. Events name the whole text again at the end of each item, so it has to be kept.
pub const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// Turns chunks into events, numbered from zero.
#[derive(Debug)]
pub struct Events {
    echo: Echo,
    head: Option<Head>,
    number: u64,
    done: Vec<Value>,
    open: Option<Open>,
    calls: CallOrder,
    finish_reason: Option<String>,
    usage: Option<Value>,
    /// What our extension adds to the answer, e.g. its citations.
    extension: Option<Value>,
    bytes: usize,
    has_ended: bool,
}

/// The item that is being written.
#[derive(Debug)]
struct Open {
    id: String,
    content: Content,
}

impl Events {
    /// Starts before the first chunk.
    #[must_use]
    pub fn new(echo: Echo) -> Self {
        Self {
            echo,
            head: None,
            number: 0,
            done: Vec::new(),
            open: None,
            calls: CallOrder::default(),
            finish_reason: None,
            usage: None,
            extension: None,
            bytes: 0,
            has_ended: false,
        }
    }

    /// The events of a chunk, ready to send; empty if it says nothing to this client. Only the first
    /// choice counts, because the interface knows one answer.
    pub fn push(&mut self, chunk: &ChatChunk) -> String {
        let mut out = String::new();
        if self.has_ended {
            return out;
        }
        self.start(|| chunk.head(), &mut out);
        if let Some((place, text)) = chunk.only_text() {
            if self.has_room(chunk, &mut out) {
                self.say(place, text, Vec::new(), &mut out);
            }
            return out;
        }
        if let Some(usage) = chunk.fields().get("usage").filter(|usage| !usage.is_null()) {
            self.usage = Some(usage.clone());
        }
        if let Some(extension) = chunk.fields().get("fachwerk") {
            self.extension = Some(extension.clone());
        }
        let choices = chunk.fields().get("choices").and_then(Value::as_array);
        let is_first =
            |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
        let Some(choice) = choices.and_then(|choices| choices.iter().find(is_first)) else {
            return out;
        };
        if !self.has_room(chunk, &mut out) {
            return out;
        }
        self.delta(choice, &mut out);
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish_reason = Some(reason.to_owned());
        }
        out
    }

    /// Whether the answer is still short enough with this chunk; if not, the stream fails.
    fn has_room(&mut self, chunk: &ChatChunk, out: &mut String) -> bool {
        self.bytes = self.bytes.saturating_add(chunk.generated_bytes());
        let has_room = self.bytes <= OUTPUT_BYTES_MAX;
        if !has_room {
            out.push_str(&self.fail("server_error", "The answer is longer than a stream may be."));
        }
        has_room
    }

    /// The events that end the response. Empty after [`Events::fail`].
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        if std::mem::replace(&mut self.has_ended, true) {
            return out;
        }
        self.start(Head::default, &mut out);
        for call in self.calls.finish() {
            self.call(&call, &mut out);
        }
        let status = Status::of(self.finish_reason.as_deref());
        self.close(status, &mut out);
        let name = format!("response.{}", status.code());
        let response = self.object(status);
        self.event(&name, json!({ "response": response }), &mut out);
        out
    }

    /// The events for a failure in the middle; nothing comes after it. `code` is OpenAI's, e.g.
    /// `server_error` or `rate_limit_exceeded`.
    pub fn fail(&mut self, code: &str, message: &str) -> String {
        let mut out = String::new();
        if std::mem::replace(&mut self.has_ended, true) {
            return out;
        }
        self.start(Head::default, &mut out);
        let mut response = self.object(Status::Failed);
        response["error"] = json!({"code": code, "message": message});
        self.event("response.failed", json!({ "response": response }), &mut out);
        out
    }

    fn object(&self, status: Status) -> Value {
        let head = self.head.clone().unwrap_or_default();
        let usage = self.usage.as_ref();
        let mut object = output::object(&head, &self.echo, status, &self.done, usage);
        if let Some(extension) = &self.extension {
            object["fachwerk"] = extension.clone();
        }
        object
    }

    fn start(&mut self, head: impl FnOnce() -> Head, out: &mut String) {
        if self.head.is_some() {
            return;
        }
        self.head = Some(head());
        for name in ["response.created", "response.in_progress"] {
            let response = self.object(Status::InProgress);
            self.event(name, json!({ "response": response }), out);
        }
    }

    fn delta(&mut self, choice: &Value, out: &mut String) {
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        let read =
            |name: &str| delta.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(text) = read("reasoning_content").or_else(|| read("reasoning")) {
            self.say("reasoning", text, Vec::new(), out);
        }
        if let Some(text) = read("content") {
            let logprobs = choice.pointer("/logprobs/content").and_then(Value::as_array);
            self.say("content", text, logprobs.cloned().unwrap_or_default(), out);
        }
        if let Some(text) = read("refusal") {
            self.say("refusal", text, Vec::new(), out);
        }
        for call in self.calls.push(delta.get("tool_calls")) {
            self.call(&call, out);
        }
    }

    /// A piece of a text that stands at a place of OpenAI's answers, with the log probabilities of its words.
    fn say(&mut self, place: &AnswerPlace, text: &str, logprobs: Vec<Value>, out: &mut String) {
        let text = text.to_owned();
        let piece = match place {
            "reasoning" | "reasoning_content" => Content::Reasoning(text),
            "refusal" => Content::Refusal(text),
            _ => Content::Text(text, logprobs),
        };
        self.piece(piece, out);
    }

    fn call(&mut self, call: &Value, out: &mut String) {
        let read = |path| call.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let piece = Call {
            id: read("/id"),
            name: read("/function/name"),
            arguments: read("/function/arguments"),
        };
        let number = call.get("index").and_then(Value::as_u64).unwrap_or(0);
        self.piece(Content::Call(number, piece), out);
    }

    /// Adds a piece to the open item, or opens one for it.
    fn piece(&mut self, piece: Content, out: &mut String) {
        if !self.open.as_ref().is_some_and(|open| open.content.is_like(&piece)) {
            self.close(Status::Completed, out);
            self.open_item(&piece, out);
        }
        let index = self.done.len();
        let Some(open) = &mut self.open else { return };
        let mut value = json!({"item_id": open.id, "output_index": index});
        let text = match (&mut open.content, piece) {
            (Content::Text(all, probabilities), Content::Text(text, more)) => {
                all.push_str(&text);
                value["logprobs"] = more.as_slice().into();
                probabilities.extend(more);
                text
            }
            (Content::Refusal(all), Content::Refusal(text))
            | (Content::Reasoning(all), Content::Reasoning(text)) => {
                all.push_str(&text);
                text
            }
            (Content::Call(_, all), Content::Call(_, more)) => {
                all.arguments.push_str(&more.arguments);
                more.arguments
            }
            _ => return,
        };
        if text.is_empty() {
            return;
        }
        if !matches!(open.content, Content::Call(..)) {
            value["content_index"] = 0.into();
        }
        value["delta"] = text.into();
        let name = format!("{}.delta", open.content.event());
        self.event(&name, value, out);
    }

    fn open_item(&mut self, piece: &Content, out: &mut String) {
        let content = match piece {
            Content::Text(..) => Content::Text(String::new(), Vec::new()),
            Content::Refusal(_) => Content::Refusal(String::new()),
            Content::Reasoning(_) => Content::Reasoning(String::new()),
            Content::Call(number, call) => {
                let call = Call { arguments: String::new(), ..call.clone() };
                Content::Call(*number, call)
            }
        };
        let index = self.done.len();
        let head = self.head.clone().unwrap_or_default();
        let id = output::item_id(&head, content.prefix(), Some(index));
        let item = content.item(&id, Status::InProgress, &[]);
        self.event("response.output_item.added", json!({"output_index": index, "item": item}), out);
        if let Some(part) = content.part() {
            let value = part_of(&id, index, &part);
            self.event("response.content_part.added", value, out);
        }
        self.open = Some(Open { id, content });
    }

    fn close(&mut self, status: Status, out: &mut String) {
        let Some(Open { id, content }) = self.open.take() else { return };
        let index = self.done.len();
        let mut value = json!({"item_id": id, "output_index": index});
        match &content {
            Content::Text(text, logprobs) => {
                value["content_index"] = 0.into();
                value["text"] = text.as_str().into();
                value["logprobs"] = logprobs.as_slice().into();
            }
            Content::Refusal(text) => {
                value["content_index"] = 0.into();
                value["refusal"] = text.as_str().into();
            }
            Content::Reasoning(text) => {
                value["content_index"] = 0.into();
                value["text"] = text.as_str().into();
            }
            Content::Call(_, call) => {
                value["name"] = call.name.as_str().into();
                value["arguments"] = call.arguments.as_str().into();
            }
        }
        self.event(&format!("{}.done", content.event()), value, out);
        let part = content.part();
        if let Some(part) = &part {
            self.event("response.content_part.done", part_of(&id, index, part), out);
        }
        let parts: Vec<Value> = part.into_iter().collect();
        let item = content.item(&id, status, &parts);
        self.event("response.output_item.done", json!({"output_index": index, "item": item}), out);
        self.done.push(item);
    }

    fn event(&mut self, name: &str, fields: Value, out: &mut String) {
        let mut value = json!({"type": name, "sequence_number": self.number});
        if let (Value::Object(all), Value::Object(fields)) = (&mut value, fields) {
            all.extend(fields);
        }
        self.number += 1;
        out.push_str(&format!("event: {name}\ndata: {value}\n\n"));
    }
}

fn part_of(id: &str, index: usize, part: &Value) -> Value {
    json!({"item_id": id, "output_index": index, "content_index": 0, "part": part})
}
