//! The most common answers, and pieces of answers: text and nothing else in a message, and no field that
//! is not known here. They are read in one go, without a tree of values, and written as they came but
//! for what was put in the place of a text. Knows nothing of calls of tools or pictures: what has something
//! else in its messages is none of these.

mod fields;

use std::ops::Range;

use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};

use self::fields::{Answer, Choice, Counts, Object};
use crate::{Usage, UsageDetails, skipped::Skipped, texts::AnswerPlace};

pub(crate) use self::fields::Part;

/// An answer of this kind, or a piece of one.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    json: Bytes,
    texts: Vec<Said>,
    /// Where the name of the model stands.
    model: Range<usize>,
    /// What is written instead of it.
    renamed: Option<String>,
    counts: Option<Counts>,
    /// Where it says that there are no counts.
    no_counts: Option<Range<usize>>,
    leaves_out_no_counts: bool,
    has_choices: bool,
    has_log_probabilities: bool,
    finish_reason: Option<&'static str>,
    ended: Vec<u64>,
}

/// A text of an answer.
#[derive(Debug, Clone)]
struct Said {
    /// The number of its choice.
    choice: u64,
    place: &'static AnswerPlace,
    text: String,
    /// Where it stands as it came, quotation marks included.
    at: Range<usize>,
    is_changed: bool,
}

impl Said {
    fn change(&mut self, text: String) {
        if text != self.text {
            self.text = text;
            self.is_changed = true;
        }
    }
}

impl Plain {
    /// Reads an answer; `None` if it is of another kind, or none at all.
    pub(crate) fn read(body: Bytes, part: Part) -> Option<Self> {
        let json = std::str::from_utf8(&body).ok()?;
        let Object(answer): Object<Answer<'_>> = serde_json::from_str(json).ok()?;
        let choices = || answer.choices.iter().map(|Object(choice)| choice);
        // Read by itself it could be nested deeper than in the whole, so that it must be a text.
        let has_name = answer.model.get().starts_with('"');
        let _sound: Skipped = serde_json::from_str(answer.model.get()).ok()?;
        if !has_name || answer.choices.is_empty() && part == Part::Message {
            return None;
        }
        // Two with one number could not be told apart.
        if !choices().is_sorted_by(|one, next| one.number() < next.number()) {
            return None;
        }
        let (mut texts, mut ended) = (Vec::new(), Vec::new());
        for choice in choices() {
            let number = choice.number();
            ended.extend(choice.finish_reason().map(|_| number));
            for (place, text) in choice.message(part)?.texts() {
                let at = place_of(text, json);
                let text = serde_json::from_str(text.get()).ok()?;
                texts.push(Said { choice: number, place, text, at, is_changed: false });
            }
        }
        let (counts, no_counts) = match answer.usage {
            Some(usage) if usage.get() == "null" => {
                (None, Some(entry("\"usage\"", place_of(usage, json), json)?))
            }
            Some(usage) => {
                let Object(counts) = serde_json::from_str(usage.get()).ok()?;
                (Some(counts), None)
            }
            None => (None, None),
        };
        Some(Self {
            texts,
            model: place_of(answer.model, json),
            renamed: None,
            counts,
            no_counts,
            leaves_out_no_counts: false,
            has_choices: !answer.choices.is_empty(),
            has_log_probabilities: choices().any(Choice::has_log_probabilities),
            finish_reason: choices().find_map(Choice::finish_reason),
            ended,
            json: body,
        })
    }

    /// The JSON text; without a copy if it is as it came.
    pub(crate) fn to_json(&self) -> Bytes {
        if self.edits().next().is_none() {
            return self.json.clone();
        }
        let mut json = Vec::new();
        self.write_json(&mut json);
        json.into()
    }

    /// Writes the JSON text.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let mut edits: Vec<_> = self.edits().collect();
        edits.sort_unstable_by_key(|(at, _)| at.start);
        out.reserve(self.json.len() + ROOM_FOR_CHANGES);
        let mut from = 0;
        for (at, text) in edits {
            out.extend_from_slice(&self.json[from..at.start]);
            if let Some(text) = text {
                serde_json::to_writer(&mut *out, text).expect("a string always serialises");
            }
            from = at.end;
        }
        out.extend_from_slice(&self.json[from..]);
    }

    /// What is not as it came: where, and which string stands there instead.
    fn edits(&self) -> impl Iterator<Item = (&Range<usize>, Option<&str>)> {
        let said = self.texts.iter().filter(|said| said.is_changed);
        let said = said.map(|said| (&said.at, Some(said.text.as_str())));
        let renamed = self.renamed.as_deref().map(|name| (&self.model, Some(name)));
        let left_out = self.no_counts.as_ref().filter(|_| self.leaves_out_no_counts);
        said.chain(renamed).chain(left_out.map(|at| (at, None)))
    }

    /// The same as a tree of values.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.to_json()).expect("every value in it was read once")
    }

    /// As [`crate::ChatResponse::rewrite_all`].
    pub(crate) fn rewrite(&mut self, rewrite: &mut dyn FnMut(u64, &AnswerPlace, &str) -> String) {
        for said in &mut self.texts {
            said.change(rewrite(said.choice, said.place, &said.text));
        }
    }

    /// Appends to a text, if there is one at this place.
    pub(crate) fn append(&mut self, choice: u64, place: &AnswerPlace, text: &str) -> bool {
        let mut texts = self.texts.iter_mut();
        let said = texts.find(|said| said.choice == choice && said.place == place);
        said.map(|said| said.change(said.text.clone() + text)).is_some()
    }

    /// Writes another name of the model.
    pub(crate) fn set_model(&mut self, name: &str) {
        let own = &self.json[self.model.clone()];
        let own = own.strip_prefix(b"\"").and_then(|own| own.strip_suffix(b"\""));
        self.renamed = (own != Some(name.as_bytes())).then(|| name.to_owned());
    }

    /// Leaves it out where it says that there are no counts.
    pub(crate) fn leave_out_no_counts(&mut self) {
        self.leaves_out_no_counts = true;
    }

    /// All texts, each with the number of its choice and its place.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (u64, &'static AnswerPlace, &str)> {
        self.texts.iter().map(|said| (said.choice, said.place, said.text.as_str()))
    }

    /// The one text with which the first choice goes on, if that is all that is said here: no end, no
    /// counts, no probabilities.
    pub(crate) fn only_text(&self) -> Option<(&'static AnswerPlace, &str)> {
        if self.has_counts() || self.has_log_probabilities || self.finish_reason.is_some() {
            return None;
        }
        let first = self.texts().filter(|(choice, _, text)| *choice == 0 && !text.is_empty());
        let mut first = first.map(|(_, place, text)| (place, text));
        first.next().filter(|_| first.next().is_none())
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        self.counts.as_ref()?.usage()
    }

    pub(crate) fn usage_details(&self) -> UsageDetails {
        self.counts.as_ref().map(Counts::details).unwrap_or_default()
    }

    pub(crate) fn has_counts(&self) -> bool {
        self.counts.is_some()
    }

    pub(crate) fn has_choices(&self) -> bool {
        self.has_choices
    }

    pub(crate) fn has_log_probabilities(&self) -> bool {
        self.has_log_probabilities
    }

    /// Why the first choice ended that did.
    pub(crate) fn finish_reason(&self) -> Option<&'static str> {
        self.finish_reason
    }

    /// The choices that end here.
    pub(crate) fn ended_choices(&self) -> &[u64] {
        &self.ended
    }
}

/// Room for longer texts and names, in bytes; more is made as needed.
const ROOM_FOR_CHANGES: usize = 64;

/// Where a value stands in the text it was read from.
fn place_of(value: &RawValue, json: &str) -> Range<usize> {
    let start = value.get().as_ptr() as usize - json.as_ptr() as usize;
    start..start + value.get().len()
}

/// Where an entry stands, with its name and one comma; `None` if its name is written otherwise.
fn entry(name: &str, value: Range<usize>, json: &str) -> Option<Range<usize>> {
    let before = json[..value.start].trim_end().strip_suffix(':')?.trim_end();
    let before = before.strip_suffix(name)?.trim_end();
    if let Some(before) = before.strip_suffix(',') {
        return Some(before.len()..value.end);
    }
    let after = json[value.end..].trim_start();
    let comma = usize::from(after.starts_with(','));
    Some(before.len()..json.len() - after.len() + comma)
}
