//! The engine: picks through `text::summary`, quotes, and frames the quotes.

mod grouping;

use std::collections::HashSet;

use text::summary::{self, Passage, Pick, Sentence};

use crate::excerpt::{self, Excerpted, Reading};
use crate::given::{Message, sources_from_plain_text};
use crate::wording::Wording;
use crate::{ExtractAnswer, ExtractRequest, Language, Piece, SummaryLength, Task};

/// The name by which the engine is known as a model.
pub const ENGINE_NAME: &str = "fachwerk-auszug";

/// Most sentences that answer a question by themselves; what they need to be understood comes on top.
const ANSWER_SENTENCES_MAX: usize = 4;

/// The built-in engine. Has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extractive;

impl Extractive {
    /// Answers from the given sources. Without a sentence that answers, says that there is none.
    #[must_use]
    pub fn answer(&self, request: &ExtractRequest<'_>) -> ExtractAnswer {
        let wording = Wording::of(request.language);
        let Reading { question, sources, complete } =
            excerpt::read(request.question, request.sources);
        let quotes = match request.task {
            Task::Answer => answer_quotes(question, &sources),
            Task::Summary { length } => summary_quotes(length, &sources),
        };
        if quotes.is_empty() {
            let reason = if request.task == Task::Answer {
                wording.nothing
            } else {
                wording.nothing_to_quote
            };
            return words(&[reason, if complete { "" } else { wording.cut }]);
        }
        let mut pieces = vec![Piece::Text(format!("{}\n\n", wording.frame(request.task)))];
        pieces.extend(quotes);
        if !complete {
            pieces.push(Piece::Text(format!("\n\n{}", wording.cut)));
        }
        ExtractAnswer { pieces }
    }

    /// Answers a conversation that carries its text itself, or says that it needs text.
    #[must_use]
    pub fn answer_conversation(&self, messages: &[Message<'_>]) -> ExtractAnswer {
        let given = sources_from_plain_text(messages);
        let language = Language::of(given.question);
        if given.sources.is_empty() {
            return words(&[Wording::of(language).needs_text]);
        }
        self.answer(&ExtractRequest {
            question: given.question,
            sources: &given.sources,
            task: given.task,
            language,
        })
    }
}

/// An answer of our own words only.
fn words(phrases: &[&str]) -> ExtractAnswer {
    let said: Vec<&str> = phrases.iter().copied().filter(|phrase| !phrase.is_empty()).collect();
    ExtractAnswer { pieces: vec![Piece::Text(said.join("\n\n"))] }
}

/// The answering sentences: one paragraph for each source, list items on their own lines.
fn answer_quotes(question: &str, sources: &[Excerpted<'_>]) -> Vec<Piece> {
    let passages: Vec<Passage<'_>> = sources
        .iter()
        .map(|one| Passage { heading: one.source.heading, sentences: one.sentences().collect() })
        .collect();
    let mut said = Said::default();
    let mut pieces = Vec::new();
    let mut before: Option<(Pick, bool)> = None;
    for pick in summary::answering(question, &passages, ANSWER_SENTENCES_MAX) {
        let source = &sources[pick.passage];
        let Some(quote) = said.once(source.quote(pick.sentence)) else { continue };
        let item = source.is_item(pick.sentence);
        let space = match before {
            None => "",
            Some((last, _)) if last.passage != pick.passage => "\n\n",
            Some((_, false)) if item => "\n\n",
            Some((_, true)) if item => "\n",
            Some((_, true)) => "\n\n",
            Some((_, false)) => " ",
        };
        let mark = if item { "- " } else { "" };
        if !space.is_empty() || item {
            pieces.push(Piece::Text(format!("{space}{mark}")));
        }
        pieces.push(quote);
        before = Some((pick, item));
    }
    pieces
}

/// The sentences that carry the sources, as a list; in longer summaries under the headings of the sources.
fn summary_quotes(length: SummaryLength, sources: &[Excerpted<'_>]) -> Vec<Piece> {
    let mut places = Vec::new();
    let mut sentences = Vec::new();
    let mut section = 0;
    for (at, source) in sources.iter().enumerate() {
        if at > 0 && sources[at - 1].source.heading != source.source.heading {
            section += 1;
        }
        for (index, text) in source.sentences().enumerate() {
            places.push((at, index));
            sentences.push(Sentence { text, section });
        }
    }
    let picked: Vec<(usize, usize)> = summary::central(&sentences, length.statements())
        .into_iter()
        .map(|at| places[at])
        .collect();
    let headings: Vec<&str> = picked.iter().map(|(at, _)| sources[*at].source.heading).collect();
    let labels = match length {
        SummaryLength::Short => vec![""; picked.len()],
        SummaryLength::Medium | SummaryLength::Long => grouping::labels(&headings),
    };
    let mut said = Said::default();
    let mut pieces = Vec::new();
    let mut group = "";
    for ((at, index), label) in picked.into_iter().zip(labels) {
        let Some(quote) = said.once(sources[at].quote(index)) else { continue };
        let gap = if pieces.is_empty() { "" } else { "\n" };
        if label != group {
            let gap = if pieces.is_empty() { "" } else { "\n\n" };
            pieces.extend([
                Piece::Text(gap.to_owned()),
                Piece::Heading(label.to_owned()),
                Piece::Text("\n\n- ".to_owned()),
            ]);
            group = label;
        } else {
            pieces.push(Piece::Text(format!("{gap}- ")));
        }
        pieces.push(quote);
    }
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    pieces
}

/// The sentences already quoted, so that none is quoted twice.
#[derive(Default)]
struct Said(HashSet<String>);

impl Said {
    fn once(&mut self, quote: Piece) -> Option<Piece> {
        match &quote {
            Piece::Quote { text, .. } => self.0.insert(summary::normalised(text)).then_some(quote),
            Piece::Text(_) | Piece::Heading(_) => None,
        }
    }
}
