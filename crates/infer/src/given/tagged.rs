//! Sources between marks: `<quelle nummer="2" titel="…" abschnitt="…">…</quelle>`, `<source number="2">…</source>`, or a bare
//! `<quellen>…</quellen>`. What stands between marks is text and nothing else.

use crate::Source;

/// Most marked sources of one conversation; beyond: left out.
const SOURCES_MAX: usize = 1_000;
/// The marks, the special before the general.
const MARKS: &[&str] = &["quelle", "source", "quellen", "sources"];

/// The marked sources of the texts, numbered as marked or in order.
pub(super) fn sources<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Source<'a>> {
    let texts: Vec<&str> = texts.collect();
    for mark in MARKS {
        let mut found: Vec<Source<'a>> = Vec::new();
        for text in &texts {
            let mut rest = *text;
            while found.len() < SOURCES_MAX
                && let Some(block) = next_block(rest, mark)
            {
                let number = attribute(block.attributes, &["nummer", "number"])
                    .and_then(|number| number.parse().ok());
                let heading =
                    attribute(block.attributes, &["abschnitt", "section", "titel", "title"])
                        .unwrap_or_default();
                let next =
                    found.iter().map(|source| source.number).max().unwrap_or(0).saturating_add(1);
                found.push(Source {
                    number: number.unwrap_or(next),
                    heading,
                    text: block.inside.trim(),
                });
                rest = block.after;
            }
        }
        found.retain(|source| !source.text.is_empty());
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// What a message says outside its marked sources: what stands after the last, or else before the first.
pub(super) fn outside(message: &str) -> &str {
    let outermost = ["quellen", "sources", "quelle", "source"];
    let Some(mark) = outermost.into_iter().find(|mark| next_block(message, mark).is_some()) else {
        return message.trim();
    };
    let before = next_block(message, mark).map_or("", |block| block.before).trim();
    let mut after = message;
    while let Some(block) = next_block(after, mark) {
        after = block.after;
    }
    if after.trim().is_empty() { before } else { after.trim() }
}

struct Block<'a> {
    before: &'a str,
    attributes: &'a str,
    inside: &'a str,
    after: &'a str,
}

/// The next block of a mark; one that is never closed reaches to the end.
fn next_block<'a>(text: &'a str, mark: &str) -> Option<Block<'a>> {
    let opening = format!("<{mark}");
    let (start, _) = text
        .match_indices(&opening)
        .find(|(at, _)| text[at + opening.len()..].starts_with(['>', ' ', '\n']))?;
    let head = &text[start + opening.len()..];
    let (attributes, rest) = head.split_once('>')?;
    let (inside, after) = rest.split_once(&format!("</{mark}>")).unwrap_or((rest, ""));
    Some(Block { before: &text[..start], attributes, inside, after })
}

/// The value of the first attribute that is there.
fn attribute<'a>(attributes: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let (_, rest) = attributes.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value).filter(|value| !value.is_empty())
    })
}
