//! Puts placeholders in the place of what was found, and the originals back into an answer. Knows
//! no rules: it is told what was found.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::encoded;
use crate::finding::Finding;
use crate::kind::Kind;
use crate::placeholder::{self, Form, Reading};

/// The placeholder of a text that looked like a placeholder from the start.
const LITERAL: &str = "TEXT";

/// Who is who in a run: values and their placeholders.
///
/// The same value gets the same placeholder; another spelling of it (`DE89 3704 …`, `DE893704…`)
/// gets the same number with a letter, so that the model sees that it is the same and the answer
/// still gets back exactly what stood there. Numbers are given in the order of appearance: whoever
/// pseudonymises a conversation again from its first message on gets the same placeholders.
///
/// Holds personal data in memory. It is not serialisable and prints nothing but numbers.
#[derive(Clone, Default)]
pub struct Pseudonyms {
    /// By kind's word and exact value.
    names: HashMap<(&'static str, Box<str>), Arc<str>>,
    /// Number and spellings so far, by kind's word and bare value.
    numbers: HashMap<(&'static str, Box<str>), (usize, usize)>,
    counts: HashMap<&'static str, usize>,
    values: HashMap<Arc<str>, Box<str>>,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pseudonyms")
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values have a placeholder.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Nothing has a placeholder: an answer needs no restoring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Replaces what was found in `text`; `findings` come from a scan of exactly this text.
    ///
    /// What already looks like a placeholder is replaced too, so that [`Self::restore`] gives back
    /// every text as it was.
    #[must_use]
    pub fn pseudonymise(&mut self, text: &str, findings: &[Finding]) -> String {
        let mut changed = String::with_capacity(text.len() + findings.len() * 8);
        let mut at = 0;
        for finding in findings {
            // A finding of another text could lie across a border or before the last one.
            if finding.start < at || text.get(finding.start..finding.end).is_none() {
                continue;
            }
            self.copy_literal(&text[at..finding.start], &mut changed);
            let name = self.name_of(finding.kind.placeholder(), finding.kind, finding.of(text));
            changed.push_str(&placeholder::write(&name));
            at = finding.end;
        }
        self.copy_literal(&text[at..], &mut changed);
        changed
    }

    /// Copies text and replaces look-alikes of placeholders, plain or with JSON escapes.
    fn copy_literal(&mut self, text: &str, changed: &mut String) {
        let mut rest = text;
        while let Some(at) = rest.find(['⟦', '\\']) {
            changed.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = match placeholder::read(rest, Form::Json) {
                Reading::Whole(length, _) => length,
                _ => 0,
            };
            if length > 0 {
                let name = self.name_of(LITERAL, Kind::Name, &rest[..length]);
                changed.push_str(&placeholder::write(&name));
                rest = &rest[length..];
            } else {
                let bracket = rest.chars().next().map_or(0, char::len_utf8);
                changed.push_str(&rest[..bracket]);
                rest = &rest[bracket..];
            }
        }
        changed.push_str(rest);
    }

    fn name_of(&mut self, word: &'static str, kind: Kind, value: &str) -> Arc<str> {
        if let Some(name) = self.names.get(&(word, Box::from(value))) {
            return name.clone();
        }
        // What looks like a placeholder is kept letter by letter.
        let bare = if word == LITERAL { value.into() } else { bare(kind, value) };
        let count = self.counts.entry(word).or_default();
        let (number, spellings) = self.numbers.entry((word, bare.clone())).or_insert_with(|| {
            *count += 1;
            (*count, 0)
        });
        if *spellings > 26 {
            *count += 1;
            (*number, *spellings) = (*count, 0);
        }
        let variant = match *spellings {
            0 => String::new(),
            spelling => char::from(b'a' + spelling as u8 - 1).to_string(),
        };
        *spellings += 1;
        let name: Arc<str> = format!("{word}{number}{variant}").into();
        self.names.insert((word, value.into()), name.clone());
        self.values.insert(name.clone(), value.into());
        name
    }

    /// Puts the originals back into a whole text. Placeholders that nobody gave out stay.
    #[must_use]
    pub fn restore(&self, text: &str) -> String {
        self.restore_as(text, Form::Text)
    }

    /// As [`Self::restore`], for text of the given form.
    #[must_use]
    pub fn restore_as(&self, text: &str, form: Form) -> String {
        let mut restored = String::with_capacity(text.len());
        let held = self.restore_into(text, form, &mut restored);
        restored.push_str(&text[text.len() - held..]);
        restored
    }

    /// Restores as far as `text` is certain and tells how many bytes at its end have to wait.
    pub(crate) fn restore_into(&self, text: &str, form: Form, restored: &mut String) -> usize {
        let mut rest = text;
        let marks: &[char] = if form == Form::Json { &['⟦', '\\'] } else { &['⟦'] };
        while let Some(at) = rest.find(marks) {
            restored.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = match placeholder::read(rest, form) {
                Reading::Whole(length, name) => {
                    self.push_value(&rest[..length], name, form, restored);
                    rest = &rest[length..];
                    continue;
                }
                Reading::Partial => return rest.len(),
                // An escape is two characters: the second one begins none of its own.
                Reading::Other if rest.starts_with('\\') => {
                    rest.chars().take(2).map(char::len_utf8).sum()
                }
                Reading::Other => '⟦'.len_utf8(),
            };
            restored.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        restored.push_str(rest);
        0
    }

    fn push_value(&self, raw: &str, name: &str, form: Form, restored: &mut String) {
        match (self.values.get(name), form) {
            (None, _) => restored.push_str(raw),
            (Some(value), Form::Text) => restored.push_str(value),
            (Some(value), Form::Json) => {
                let quoted = serde_json::Value::from(&**value).to_string();
                restored.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
}

/// A value without what only its spelling adds: blanks in numbers, and how its letters are encoded.
fn bare(kind: Kind, value: &str) -> Box<str> {
    let read = encoded::without_certain(value);
    let value = read.as_ref().map_or(value, |read| &read.text);
    match kind {
        Kind::Name | Kind::Address | Kind::Secret => value.into(),
        _ => value
            .chars()
            .filter(|letter| letter.is_alphanumeric() || *letter == '@')
            .flat_map(char::to_lowercase)
            .collect(),
    }
}
