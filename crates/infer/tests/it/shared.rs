//! What the tests share: data beside the repository, and the promises that every answer keeps.

use std::collections::HashSet;
use std::path::Path;

use infer::{ExtractAnswer, Piece, Source};

/// A file of the shared data, or nothing (and a word about it) where there is none.
pub fn shared_data(path: &str) -> Option<String> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    let read = std::fs::read_to_string(&full).ok();
    if read.is_none() {
        eprintln!("skipped: shared data {path} is absent");
    }
    read
}

/// A law in Markdown as sources: one for each section with its heading path.
pub fn law_sections(markdown: &str) -> Vec<(String, String)> {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in markdown.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
        if depth > 0 {
            path.retain(|(level, _)| *level < depth);
            path.push((depth, line[depth..].trim().to_owned()));
            let heading: Vec<&str> =
                path.iter().skip(1).map(|(_, heading)| heading.as_str()).collect();
            sections.push((heading.join(" › "), String::new()));
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    sections.retain(|(_, text)| !text.trim().is_empty());
    sections
}

/// The sections as numbered sources.
pub fn as_sources(sections: &[(String, String)]) -> Vec<Source<'_>> {
    (1..).zip(sections).map(|(number, (heading, text))| Source { number, heading, text }).collect()
}

/// Every quote stands word for word where it says, and no two quotes are alike.
pub fn assert_keeps_promises(answer: &ExtractAnswer, sources: &[Source<'_>]) {
    let mut said = HashSet::new();
    for piece in &answer.pieces {
        let Piece::Quote { source, start, end, text } = piece else { continue };
        let given = sources.iter().find(|one| one.number == *source).expect("a given source");
        let stands: String = given.text.chars().skip(*start).take(end - start).collect();
        assert_eq!(&stands, text, "not word for word");
        assert!(!text.is_empty() && text.trim() == text);
        let plain: String = text
            .chars()
            .filter(|sign| sign.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        assert!(said.insert(plain), "quoted twice: {text}");
    }
}
