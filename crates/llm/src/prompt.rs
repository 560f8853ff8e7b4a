//! The words with which passages are handed to a language model: as quoted data, numbered, between
//! marks that no passage can forge.

use std::fmt::Write as _;

use crate::{Grounding, Language, Source, SummaryLength, Task};

/// Longest title or heading shown with a source, in characters; beyond: cut.
const LABEL_CHARS_MAX: usize = 300;

/// Writes the system message for an answer that is bound to sources.
#[must_use]
pub fn system_prompt(grounding: &Grounding, language: Language) -> String {
    let mut prompt = instructions(grounding.task, language);
    if grounding.sources.is_empty() {
        prompt.push_str(match language {
            Language::German => "\n(Es wurden keine passenden Quellen gefunden.)\n",
            Language::English => "\n(No matching sources were found.)\n",
        });
    }
    for source in &grounding.sources {
        write_source(&mut prompt, source, Tags::of(language));
    }
    prompt
}

fn instructions(task: Task, language: Language) -> String {
    let template = match (task, language) {
        (Task::Answer, Language::German) => include_str!("prompt/answer.de.txt"),
        (Task::Answer, Language::English) => include_str!("prompt/answer.en.txt"),
        (Task::Summary(_), Language::German) => include_str!("prompt/summary.de.txt"),
        (Task::Summary(_), Language::English) => include_str!("prompt/summary.en.txt"),
    };
    match task {
        Task::Answer => template.to_owned(),
        Task::Summary(length) => template.replace("{length}", length_words(length, language)),
    }
}

fn length_words(length: SummaryLength, language: Language) -> &'static str {
    match (length, language) {
        (SummaryLength::Short, Language::German) => {
            "Kurz: höchstens drei Sätze mit dem Wichtigsten, ohne Überschriften."
        }
        (SummaryLength::Medium, Language::German) => {
            "Mittel: ein bis zwei Absätze mit zusammen höchstens zehn Sätzen, ohne Überschriften."
        }
        (SummaryLength::Long, Language::German) => {
            "Lang: höchstens 30 Sätze, nach Themen gegliedert, mit kurzen Zwischenüberschriften."
        }
        (SummaryLength::Short, Language::English) => {
            "Short: at most three sentences with what matters most, without headings."
        }
        (SummaryLength::Medium, Language::English) => {
            "Medium: one or two paragraphs with at most ten sentences in all, without headings."
        }
        (SummaryLength::Long, Language::English) => {
            "Long: at most 30 sentences, ordered by topic, with short headings."
        }
    }
}

/// The words of the marks around a source.
struct Tags {
    name: &'static str,
    number: &'static str,
    title: &'static str,
    heading: &'static str,
    page: &'static str,
}

impl Tags {
    const fn of(language: Language) -> Self {
        match language {
            Language::German => Self {
                name: "quelle",
                number: "nummer",
                title: "titel",
                heading: "abschnitt",
                page: "seite",
            },
            Language::English => Self {
                name: "source",
                number: "number",
                title: "title",
                heading: "section",
                page: "page",
            },
        }
    }
}

fn write_source(prompt: &mut String, source: &Source, tags: Tags) {
    // Writing to a String cannot fail.
    let _ = write!(prompt, "\n<{} {}=\"{}\"", tags.name, tags.number, source.number);
    for (name, text) in [(tags.title, &source.title), (tags.heading, &source.heading)] {
        if !text.is_empty() {
            let _ = write!(prompt, " {name}=\"{}\"", label(text));
        }
    }
    if let Some(page) = source.page {
        let _ = write!(prompt, " {}=\"{page}\"", tags.page);
    }
    let _ = write!(prompt, ">\n{}\n</{}>\n", without_marks(source.text.trim()), tags.name);
}

/// A title or heading inside a mark: one line, without the characters that could end it.
fn label(text: &str) -> String {
    let harmless = text.chars().map(|c| match c {
        '"' => '\'',
        '<' => '‹',
        '>' => '›',
        c if c.is_whitespace() || c.is_control() => ' ',
        c => c,
    });
    harmless.take(LABEL_CHARS_MAX).collect()
}

/// The text with every bracket that begins one of our marks, in either language and however
/// disguised by case or spaces, made harmless. All else stays word for word.
fn without_marks(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (index, c) in text.char_indices() {
        let forged = c == '<' && begins_mark(&text[index + 1..]);
        safe.push(if forged { '‹' } else { c });
    }
    safe
}

fn begins_mark(after_bracket: &str) -> bool {
    let is_filler = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '/' | '\\' | '\u{200b}'..='\u{200f}' | '\u{feff}')
    };
    let name = after_bracket.trim_start_matches(is_filler);
    ["quelle", "source"].into_iter().any(|mark| {
        let mut letters = name.chars().flat_map(char::to_lowercase);
        mark.chars().all(|expected| letters.next() == Some(expected))
    })
}
