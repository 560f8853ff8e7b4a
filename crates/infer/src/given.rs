//! The text that a conversation carries itself.
//!
//! A caller without documents pastes text: "Fasse zusammen: …", a question above or below a text, or marked sources as we
//! write them for language models. Text of the assistant is never given text: the engine would quote itself.

mod tagged;
mod task;

use crate::{Source, Task};

/// Shortest pasted text beside a question, in characters; less is part of the question.
const PASTED_CHARS_MIN: usize = 60;
/// Shortest earlier message that counts as given text, in characters; less is talk.
const EARLIER_CHARS_MIN: usize = 200;
/// Bytes at either end of a message in which its first and last sentence are looked for; a sentence that
/// reaches beyond is no instruction.
const EDGE_BYTES_MAX: usize = 16 * 1024;
/// Longest question or instruction beside a text, in characters; more is text.
const INSTRUCTION_CHARS_MAX: usize = 400;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The operator or developer.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A message of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who wrote it.
    pub speaker: Speaker,
    /// What it says.
    pub text: &'a str,
}

/// A conversation, read as a task on given text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<'a> {
    /// The question or instruction.
    pub question: &'a str,
    /// The given texts; empty if the conversation has none.
    pub sources: Vec<Source<'a>>,
    /// What is asked for.
    pub task: Task,
}

/// Finds the question, the task and the given text in a conversation.
#[must_use]
pub fn sources_from_plain_text<'a>(messages: &[Message<'a>]) -> Given<'a> {
    let user = |message: &&Message<'a>| message.speaker == Speaker::User;
    let Some(last) = messages.iter().rposition(|message| message.speaker == Speaker::User) else {
        return Given { question: "", sources: Vec::new(), task: Task::Answer };
    };
    let marked: Vec<Source<'a>> = tagged::sources(
        messages.iter().filter(|one| one.speaker != Speaker::Assistant).map(|one| one.text),
    );
    if !marked.is_empty() {
        let question = tagged::outside(messages[last].text);
        return Given { question, sources: marked, task: task::of(question) };
    }
    let (question, pasted) = split(messages[last].text);
    if let Some(text) = pasted {
        let task = if question.is_empty() { task::PASTED_ALONE } else { task::of(question) };
        return Given { question, sources: numbered([text]), task };
    }
    let earlier =
        messages[..last].iter().filter(user).filter_map(|message| long_text(message.text));
    let mut sources = numbered(earlier);
    if sources.is_empty() {
        let system = messages.iter().filter(|message| message.speaker == Speaker::System);
        sources = numbered(system.filter_map(|message| long_text(message.text)));
    }
    Given { question, sources, task: task::of(question) }
}

fn numbered<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Source<'a>> {
    (1..).zip(texts).map(|(number, text)| Source { number, heading: "", text }).collect()
}

/// The text of an earlier message, without the question that stood beside it.
fn long_text(message: &str) -> Option<&str> {
    let text = split(message).1.unwrap_or(message.trim());
    (text.chars().count() >= EARLIER_CHARS_MIN).then_some(text)
}

/// A message as question and pasted text.
fn split(message: &str) -> (&str, Option<&str>) {
    let message = message.trim();
    for cut in [by_paragraph, by_colon, by_sentence] {
        if let Some((question, text)) = cut(message)
            && is_instruction(question)
            && is_given_text(text)
        {
            return (question.trim(), Some(text.trim()));
        }
    }
    let alone = message.chars().count() > INSTRUCTION_CHARS_MAX && !message.ends_with('?');
    if alone { ("", Some(message)) } else { (message, None) }
}

/// The first or the last paragraph is the question.
fn by_paragraph(message: &str) -> Option<(&str, &str)> {
    let first = message.split_once("\n\n").or_else(|| message.split_once('\n'));
    if let Some((question, text)) = first
        && is_instruction(question)
    {
        return Some((question, text));
    }
    let last = message.rsplit_once("\n\n").or_else(|| message.rsplit_once('\n'));
    last.map(|(text, question)| (question, text))
}

/// "Fasse zusammen: …"
fn by_colon(message: &str) -> Option<(&str, &str)> {
    message.split_once(':')
}

/// The first or the last sentence is the question.
fn by_sentence(message: &str) -> Option<(&str, &str)> {
    let first = text::sentences(beginning(message)).first()?.clone();
    let head = &message[first.clone()];
    if is_instruction(head) {
        return Some((head, &message[first.end..]));
    }
    let end = ending(message);
    let last = text::sentences(end).last()?.clone();
    Some((&end[last.clone()], &message[..message.len() - end.len() + last.start]))
}

fn is_instruction(question: &str) -> bool {
    let question = question.trim();
    let short = question.chars().count() <= INSTRUCTION_CHARS_MAX;
    short
        && !question.is_empty()
        && (question.ends_with('?') || task::of(question) != Task::Answer || task::asks(question))
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(EDGE_BYTES_MAX)]
}

fn ending(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(EDGE_BYTES_MAX))..]
}

/// Long enough, and not only questions as far as its beginning shows.
fn is_given_text(text: &str) -> bool {
    let text = text.trim();
    let start = beginning(text);
    text.chars().count() >= PASTED_CHARS_MIN
        && text::sentences(start).into_iter().any(|range| !start[range].ends_with('?'))
}
