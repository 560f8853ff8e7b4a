//! The texts of a request and of an answer, wherever they stand in the wire format: for whoever must
//! look at all of them, or change them. Knows no rules about what stands in a text.
//!
//! What is unknown counts as text, so that a field of tomorrow does not go unseen; names of fields
//! and long numbers too. Pictures, files that are not written in letters, and sealed data are no
//! texts.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    ChatChunk, ChatRequest, Message, Role, escaped,
    opaque::{self, Reading},
};

/// Who is responsible for a text of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Whoever set the conversation up.
    Instruction,
    /// The person or program that asks.
    Person,
    /// An earlier answer of the model.
    Model,
    /// The result of a tool.
    Tool,
    /// A passage given with the question.
    Source,
    /// A field beside the messages, e.g. the description of a tool.
    Setting,
}

/// A text of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'t> {
    /// Who is responsible for it.
    pub origin: Origin,
    /// The name under which it stands in arguments of a tool; else empty.
    pub label: &'t str,
    /// The text.
    pub text: &'t str,
    /// Whether it must stay as it is: the name of a field, a number, a file. What it becomes is
    /// then not looked at.
    pub is_fixed: bool,
}

/// Where a text of an answer stands, e.g. `content` or `tool_calls/0/arguments`.
pub type AnswerPlace = str;

/// Strings of an answer under these names are data or codes of the interface, no texts.
const OPAQUE: [&str; 14] = [
    "role",
    "type",
    "id",
    "call_id",
    "tool_call_id",
    "data",
    "file_data",
    "file_id",
    "signature",
    "thought_signature",
    "format",
    "detail",
    "media_type",
    "cache_control",
];
/// What is said about tools in the request but is no text: a model must repeat these names.
const NAMES_OF_TOOLS: [&str; 2] = ["name", "required"];
/// Where the text of a choice of the old completions lies, which have no message around it.
pub(crate) const BARE: &str = "text";
/// Arguments of a tool: JSON inside a string.
const ARGUMENTS: &str = "arguments";

/// Says what a text of a request becomes; `None` leaves it as it is.
type Rewrite<'r> = dyn FnMut(Text<'_>) -> Option<String> + 'r;

impl ChatRequest {
    /// Shows every text that a model server would read, in a fixed order, and puts in its place what
    /// `rewrite` makes of it. Arguments of tools are shown value by value and lose duplicate names and
    /// needless escapes on the way, so that nothing can hide in them.
    pub fn rewrite_texts(&mut self, rewrite: &mut Rewrite<'_>) {
        for message in self.messages_mut() {
            rewrite_message(message, rewrite);
        }
        let sources = self.grounding.iter_mut().flat_map(|grounding| &mut grounding.sources);
        for source in sources {
            for text in [&mut source.title, &mut source.heading, &mut source.text] {
                change(text, Origin::Source, "", rewrite);
            }
        }
        for (name, value) in self.settings_mut() {
            Walk { origin: Origin::Setting, rewrite }.field(value, name, "");
        }
    }
}

impl ChatRequest {
    /// The name of the first field with a file that a model server could read and nobody here can:
    /// one that is not written in letters, or lies elsewhere. Pictures and recordings are none.
    #[must_use]
    pub fn unread_file(&self) -> Option<&'static str> {
        let messages = self.messages().iter().flat_map(|message| message.fields().iter());
        messages.chain(self.fields().iter()).find_map(|(name, value)| unread_in(value, name))
    }
}

fn unread_in(value: &Value, name: &str) -> Option<&'static str> {
    match value {
        Value::String(text) if opaque::is_unread_file(name, text) => Some(match name {
            "file_data" => "file_data",
            "file_id" => "file_id",
            "file_url" => "file_url",
            _ => "content",
        }),
        Value::Array(items) => items.iter().find_map(|item| unread_in(item, name)),
        Value::Object(fields) => fields.iter().find_map(|(inner, value)| unread_in(value, inner)),
        _ => None,
    }
}

fn rewrite_message(message: &mut Message, rewrite: &mut Rewrite<'_>) {
    let origin = match message.role() {
        Role::System | Role::Developer => Origin::Instruction,
        Role::User => Origin::Person,
        Role::Assistant => Origin::Model,
        Role::Tool => Origin::Tool,
    };
    for (name, value) in message.fields_mut() {
        Walk { origin, rewrite }.field(value, name, "");
    }
}

/// Gives whether the text changed.
fn change(text: &mut String, origin: Origin, label: &str, rewrite: &mut Rewrite<'_>) -> bool {
    if text.is_empty() {
        return false;
    }
    let changed = rewrite(Text { origin, label, text, is_fixed: false });
    changed.map(|changed| *text = changed).is_some()
}

/// A walk through the strings of a value.
struct Walk<'w, 'r> {
    origin: Origin,
    rewrite: &'w mut Rewrite<'r>,
}

impl Walk<'_, '_> {
    /// A value with its name, which is shown if it says more than the name of a field would.
    fn field(&mut self, value: &mut Value, name: &str, parent: &str) {
        if !opaque::is_code(name) {
            self.fixed(name);
        }
        self.value(value, name, parent);
    }

    /// Shows what cannot be changed.
    fn fixed(&mut self, text: &str) {
        (self.rewrite)(Text { origin: self.origin, label: "", text, is_fixed: true });
    }

    fn value(&mut self, value: &mut Value, name: &str, parent: &str) {
        match value {
            Value::String(text) if self.is_name_of_tool(name, parent) && opaque::is_code(text) => {}
            Value::String(text) => match opaque::read(name, text) {
                Reading::Opaque => {}
                Reading::Text => self.string(text, name),
                Reading::Within(text) => self.fixed(&text),
            },
            Value::Number(number) => {
                if let Some(digits) = opaque::long_number(number) {
                    self.fixed(&digits);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.value(item, name, parent);
                }
            }
            Value::Object(fields) => {
                for (inner, value) in fields {
                    self.field(value, inner, name);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn is_name_of_tool(&self, name: &str, parent: &str) -> bool {
        NAMES_OF_TOOLS.contains(&name) && (self.origin == Origin::Setting || parent == "function")
    }

    fn string(&mut self, text: &mut String, name: &str) {
        for inside in opaque::written_inside(text) {
            self.fixed(&inside);
        }
        if name == ARGUMENTS && self.arguments(text) {
            return;
        }
        // Escapes would hide letters from whoever looks. Whoever looks again must see the same.
        if self.origin == Origin::Tool
            && let Some(plain) = escaped::in_letters(text)
        {
            *text = plain;
        }
        change(text, self.origin, "", self.rewrite);
    }

    /// Arguments of a tool, value by value; gives whether they are JSON. They stay as they are written,
    /// unless something in them changes, or a name stands there twice: a reader might take the other.
    fn arguments(&mut self, text: &mut String) -> bool {
        let Ok(mut value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
        else {
            return false;
        };
        let has_twins = escaped::names_in(text) != names_in(&value);
        if self.json(&mut value, "") || has_twins {
            *text = value.to_string();
        }
        true
    }

    /// Values of JSON that is not of our interface: every name, string and number is text. Gives whether
    /// one of them changed.
    fn json(&mut self, value: &mut Value, label: &str) -> bool {
        match value {
            Value::String(text) => {
                for inside in opaque::written_inside(text) {
                    self.fixed(&inside);
                }
                change(text, self.origin, label, self.rewrite)
            }
            Value::Number(number) => {
                let digits = number.to_string();
                let text = Text { origin: self.origin, label, text: &digits, is_fixed: false };
                let changed = (self.rewrite)(text);
                changed.map(|changed| *value = Value::String(changed)).is_some()
            }
            // Each of them is to be shown, so that nothing here may end early.
            Value::Array(items) => {
                items.iter_mut().fold(false, |changed, item| changed | self.json(item, label))
            }
            Value::Object(fields) => self.named(fields),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn named(&mut self, fields: &mut Map<String, Value>) -> bool {
        let mut has_changed = false;
        for (mut name, mut value) in std::mem::take(fields) {
            has_changed |= self.json(&mut value, &name);
            has_changed |= change(&mut name, self.origin, "", self.rewrite);
            // Two names that become the same keep their values.
            let twins = (2..).map(|number| format!("{name} {number}"));
            let free =
                [name.clone()].into_iter().chain(twins).find(|name| !fields.contains_key(name));
            fields.insert(free.unwrap_or(name), value);
        }
        has_changed
    }
}

impl ChatChunk {
    /// What the chunk brings for each choice: the places of its texts, and `tool_calls` for calls.
    #[must_use]
    pub fn brings(&self) -> Vec<(u64, String)> {
        if let Some(plain) = self.plain() {
            let texts = plain.texts().filter(|(_, _, text)| !text.is_empty());
            return texts.map(|(choice, place, _)| (choice, place.to_owned())).collect();
        }
        let is_there = |value: &Value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        };
        let choices = self.fields().get("choices").and_then(Value::as_array);
        let deltas = choices
            .into_iter()
            .flatten()
            .filter_map(|choice| Some((number_of(choice), choice.get("delta")?.as_object()?)));
        let places = deltas.flat_map(|(number, delta)| {
            let brought = delta.iter().filter(|(name, value)| *name != "role" && is_there(value));
            brought.map(move |(name, _)| (number, name.clone()))
        });
        places.collect()
    }

    /// Appends to the text at a place of a choice, also where the chunk carries none for it yet.
    pub fn append_at(&mut self, choice: u64, place: &AnswerPlace, text: &str) {
        if place == "content" {
            return self.append_text(choice, text);
        }
        if self.append_plain(choice, place, text) {
            return;
        }
        let mut choices = self.choices_mut().iter_mut();
        let Some(choice) = choices.find(|one| number_of(one) == choice) else { return };
        if place == BARE {
            return append_bare(choice, text);
        }
        let Some(Value::Object(delta)) = choice.get_mut("delta") else { return };
        match place.split('/').collect::<Vec<_>>().as_slice() {
            ["tool_calls", index, ..] => {
                let index: u64 = index.parse().unwrap_or_default();
                let call = serde_json::json!({"index": index, "function": {"arguments": text}});
                let calls = delta.entry("tool_calls").or_insert_with(|| Value::Array(vec![]));
                if let Value::Array(calls) = calls {
                    calls.push(call);
                }
            }
            [name] => match delta.get_mut(*name) {
                Some(Value::String(before)) => before.push_str(text),
                _ => {
                    delta.insert((*name).to_owned(), text.into());
                }
            },
            _ => {}
        }
    }
}

/// Shows the texts of choices: of the part of that name, or the bare one of the old completions.
pub(crate) fn rewrite_choices(
    choices: &mut [Value],
    part: &str,
    rewrite: &mut dyn FnMut(u64, &AnswerPlace, &str) -> String,
) {
    for choice in choices {
        let number = number_of(choice);
        let mut rewrite = |place: &AnswerPlace, text: &str| rewrite(number, place, text);
        if let Some(message) = choice.get_mut(part) {
            answer_value(message, &mut String::new(), "", &mut rewrite);
        } else if let Some(Value::String(text)) = choice.get_mut(BARE) {
            *text = rewrite(BARE, text);
        }
    }
}

/// Appends to the bare text of a choice, also where it has none yet.
pub(crate) fn append_bare(choice: &mut Value, text: &str) {
    let Some(choice) = choice.as_object_mut() else { return };
    match choice.get_mut(BARE) {
        Some(Value::String(before)) => before.push_str(text),
        _ => {
            choice.insert(BARE.to_owned(), text.into());
        }
    }
}

/// Takes the log probabilities out of choices: they name the words that were written, also those
/// that were taken out since.
pub(crate) fn forget_log_probabilities(choices: &mut [Value]) {
    for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(words) = choice.get_mut("logprobs") {
            *words = Value::Null;
        }
    }
}

/// The number of a choice.
pub(crate) fn number_of(choice: &Value) -> u64 {
    choice.get("index").and_then(Value::as_u64).unwrap_or(0)
}

/// Walks through an answer, `place` naming where it is.
fn answer_value(
    value: &mut Value,
    place: &mut String,
    name: &str,
    rewrite: &mut dyn FnMut(&AnswerPlace, &str) -> String,
) {
    match value {
        Value::String(text) if !OPAQUE.contains(&name) && name != "name" => {
            *text = rewrite(place, text);
        }
        Value::Array(items) => {
            for (position, item) in items.iter_mut().enumerate() {
                let index = item.get("index").and_then(Value::as_u64);
                let index = index.unwrap_or(position as u64).to_string();
                within(place, &index, |place| answer_value(item, place, name, rewrite));
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                // A level that only wraps says nothing about the place.
                let step = if name == "function" { "" } else { name.as_str() };
                within(place, step, |place| answer_value(value, place, name, rewrite));
            }
        }
        _ => {}
    }
}

/// Names of fields in a value and within it.
pub(crate) fn names_in(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.len() + fields.values().map(names_in).sum::<usize>(),
        Value::Array(items) => items.iter().map(names_in).sum(),
        _ => 0,
    }
}

/// Puts every text of a field into `texts`, also its name if that says more than the name of a field
/// would.
pub(crate) fn strings<'v>(value: &'v Value, name: &'v str, texts: &mut Vec<Cow<'v, str>>) {
    if !opaque::is_code(name) {
        texts.push(name.into());
    }
    strings_of(value, name, texts);
}

fn strings_of<'v>(value: &'v Value, name: &'v str, texts: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::String(text) => match opaque::read(name, text) {
            Reading::Opaque => {}
            Reading::Text => {
                texts.push(text.into());
                texts.extend(opaque::written_inside(text).into_iter().map(Cow::Owned));
            }
            Reading::Within(text) => texts.push(text.into()),
        },
        Value::Number(number) => texts.extend(opaque::long_number(number).map(Cow::Owned)),
        Value::Array(items) => items.iter().for_each(|item| strings_of(item, name, texts)),
        Value::Object(fields) => {
            fields.iter().for_each(|(inner, value)| strings(value, inner, texts));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn within(place: &mut String, step: &str, act: impl FnOnce(&mut String)) {
    let length = place.len();
    if !step.is_empty() {
        if length > 0 {
            place.push('/');
        }
        place.push_str(step);
    }
    act(place);
    place.truncate(length);
}
