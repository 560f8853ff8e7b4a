//! Running text: `text`, and the reading of conversations in `infer`.

use infer::{Extractive, Message, Speaker, sources_from_plain_text};
use text::summary::{Passage, Sentence, answering, central, normalised};

pub const TEXTS: &[&[u8]] = &[
    "§ 195 Regelmäßige Verjährungsfrist\n\nDie regelmäßige Verjährungsfrist beträgt drei Jahre. Vgl. Art. 3 Abs. 1 S. 2 GG i. V. m. § 5 Nr. 3 lit. a) BGB.\n- a) erstens;\n- b) „Zweitens!“ sagte er (s. o.).\n".as_bytes(),
    "Am 1. Januar 2026 um 10.30 Uhr zahlte z. B. Dr. Müller 1.234,56 € an die Straßenverkehrsbehörde. Wirklich?! Ja …".as_bytes(),
    b"a.b.c. 1. 2. (( [[ \xcc\x88\xcc\x88 \xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\t\r\n\xe2\x80\xa8",
];
pub const QUESTIONS: &[&[u8]] = &[
    "Wie hoch ist die Hundesteuer?\nHundesteuer\nDie Hundesteuer beträgt 120 Euro im Jahr. Sie ist bis zum 15. Februar zu zahlen.\nMiete\nDie Miete steigt.".as_bytes(),
    "Wer? Wann? Wie lange? §§ 3, 4\n\n\na. b. c.".as_bytes(),
];
pub const CONVERSATIONS: &[&[u8]] = &[
    "uFasse zusammen:\n\nDer Rat hat beschlossen. Die Steuer steigt.".as_bytes(),
    "s<source id=\"1\" title=\"Satzung\">Die Hundesteuer beträgt 120 Euro.</source>\u{1e}uWie hoch ist die Hundesteuer?\u{1e}aHoch.\u{1e}uWann?".as_bytes(),
    b"u<source id=\"99999999999\"><source></source>\x1eu\"\"\"",
];

pub fn sentences(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut end = 0;
    for range in text::sentences(&text) {
        assert!(text[end..range.start].trim().is_empty(), "something falls between two sentences");
        let sentence = &text[range.clone()];
        assert!(!sentence.is_empty() && sentence.trim() == sentence);
        let _ = text::leading_marker(sentence);
        end = range.end;
    }
    assert!(text[end..].trim().is_empty(), "the end is lost");
}

pub fn terms(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for term in text::terms(&text) {
        assert!(!format!("{term:?}").is_empty());
    }
    for word in text.split_whitespace() {
        let _ = (text::fold(word), text::is_stop_word(word));
    }
}

/// A question in the first line, then headings and passages in turn.
pub fn question(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(20_000)]);
    let mut lines = text.split('\n');
    let question = lines.next().unwrap_or_default();
    let lines: Vec<&str> = lines.collect();
    let passages: Vec<Passage<'_>> = lines
        .chunks(2)
        .map(|pair| {
            let body = pair.get(1).copied().unwrap_or_default();
            let sentences = text::sentences(body).into_iter().map(|range| &body[range]).collect();
            Passage { heading: pair[0], sentences }
        })
        .collect();
    for pick in answering(question, &passages, 3) {
        assert!(pick.sentence < passages[pick.passage].sentences.len());
    }
}

pub fn summary(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(20_000)]);
    let mut sentences = Vec::new();
    for (section, part) in text.split("\n\n").enumerate() {
        for range in text::sentences(part) {
            sentences.push(Sentence { text: &part[range], section });
        }
    }
    for count in [0, 1, 5] {
        let picked = central(&sentences, count);
        assert!(picked.len() <= count && picked.is_sorted());
        let mut said: Vec<String> =
            picked.iter().map(|at| normalised(sentences[*at].text)).collect();
        said.sort();
        said.dedup();
        assert_eq!(said.len(), picked.len(), "two sentences alike");
    }
}

/// Messages between record separators; the first letter of each says who speaks.
pub fn given_sources(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(20_000)]);
    let messages: Vec<Message<'_>> = text
        .split('\u{1e}')
        .map(|message| {
            let speaker = match message.chars().next() {
                Some('s') => Speaker::System,
                Some('a') => Speaker::Assistant,
                _ => Speaker::User,
            };
            let text = message.get(1..).unwrap_or_default();
            Message { speaker, text }
        })
        .collect();
    let given = sources_from_plain_text(&messages);
    let is_said = |part: &str| messages.iter().any(|message| message.text.contains(part));
    assert!(given.question.is_empty() || is_said(given.question));
    let answer = Extractive.answer_conversation(&messages);
    let chars = answer.render().chars().count();
    for citation in answer.citations() {
        assert!(citation.start <= citation.end, "{citation:?} of {chars}");
    }
}
