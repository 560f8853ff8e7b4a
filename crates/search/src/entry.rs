//! From a document's passages to the terms that stand in the index.

use std::collections::BTreeSet;

use domain::{CollectionId, DocumentId, PassageId, TenantId};
use tantivy::TantivyDocument;
use text::{Analyser, fold};

use crate::schema::Fields;

/// Letters in a gram. Five tell German words apart and still bridge their forms ("gewann", "Gewinn"
/// no; "Drogensucht", "Suchtberatung" yes).
const GRAM_LETTERS: usize = 5;

/// A document as the index sees it.
#[derive(Debug, Clone, Copy)]
pub struct DocumentEntry<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it lies.
    pub collection: CollectionId,
    /// Which it is.
    pub document: DocumentId,
    /// Its title, if it has one.
    pub title: Option<&'a str>,
    /// The name it was uploaded with.
    pub name: &'a str,
}

/// A passage as the index sees it.
#[derive(Debug, Clone)]
pub struct PassageEntry {
    /// Which it is.
    pub id: PassageId,
    /// Its place in the document's reading order.
    pub ordinal: u32,
    /// The headings above it, outermost first.
    pub heading: Vec<String>,
    /// Its text.
    pub text: String,
}

/// Turns passages into entries of the index; remembers words from one document to the next.
#[derive(Default)]
pub(crate) struct Encoder {
    analyser: Analyser,
}

impl Encoder {
    /// Encodes one passage; `first` says whether the document's title shall stand with it.
    pub(crate) fn encode(
        &mut self,
        fields: Fields,
        document: &DocumentEntry<'_>,
        passage: &PassageEntry,
        first: bool,
    ) -> TantivyDocument {
        let mut entry = TantivyDocument::new();
        entry.add_bytes(fields.tenant, document.tenant.uuid().as_bytes());
        entry.add_bytes(fields.collection, document.collection.uuid().as_bytes());
        entry.add_bytes(fields.document, document.document.uuid().as_bytes());
        let (high, low) = passage.id.uuid().as_u64_pair();
        entry.add_u64(fields.passage[0], high);
        entry.add_u64(fields.passage[1], low);
        entry.add_u64(fields.ordinal, u64::from(passage.ordinal));

        let body = self.body(&passage.text);
        entry.add_text(fields.body, body.words);
        entry.add_text(fields.parts, body.parts);
        entry.add_text(fields.grams, body.grams);
        // The nearest heading says most of what the passage is about: it counts twice.
        let headings = passage.heading.iter().chain(passage.heading.last());
        entry.add_text(fields.heading, self.line(headings.map(String::as_str)));
        if first {
            let title = document.title.into_iter().chain([document.name]);
            entry.add_text(fields.title, self.line(title));
        }
        entry
    }

    fn body(&mut self, text: &str) -> Body {
        let mut body = Body { words: String::with_capacity(text.len()), ..Body::default() };
        let mut grams = BTreeSet::new();
        self.analyser.each(text, &mut |term| {
            push(if term.part { &mut body.parts } else { &mut body.words }, &term.text);
            if !term.part && !term.stop {
                each_gram(&fold(&text[term.start..term.end]), &mut |gram| {
                    if !grams.contains(gram) {
                        grams.insert(gram.to_owned());
                    }
                });
            }
        });
        for gram in &grams {
            push(&mut body.grams, gram);
        }
        body
    }

    fn line<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> String {
        let mut line = String::new();
        for text in texts {
            self.analyser.each(text, &mut |term| push(&mut line, &term.text));
        }
        line
    }
}

#[derive(Default)]
struct Body {
    words: String,
    parts: String,
    grams: String,
}

fn push(line: &mut String, term: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    line.push_str(term);
}

/// Calls `found` for each gram of a stem; its ends are marked, so that beginnings and endings of
/// words count. Numbers have none: half a number is another number.
pub(crate) fn each_gram(stem: &str, found: &mut dyn FnMut(&str)) {
    if stem.starts_with(|letter: char| letter.is_ascii_digit()) {
        return;
    }
    let marked = format!("_{stem}_");
    let starts: Vec<usize> =
        marked.char_indices().map(|(at, _)| at).chain([marked.len()]).collect();
    if starts.len() <= GRAM_LETTERS + 1 {
        return found(&marked);
    }
    for window in starts.windows(GRAM_LETTERS + 1) {
        found(&marked[window[0]..window[GRAM_LETTERS]]);
    }
}
