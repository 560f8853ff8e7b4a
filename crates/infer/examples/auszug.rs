//! Tries the built-in engine on a Markdown file: `auszug FILE short|medium|long` or `auszug FILE "QUESTION"`.

use std::io::Write;
use std::time::Instant;

use infer::{ExtractRequest, Extractive, Language, Source, SummaryLength, Task};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, wish] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: auszug FILE short|medium|long|QUESTION"));
    };
    let text = std::fs::read_to_string(file)?;
    let sections = sections(&text);
    let sources: Vec<Source<'_>> = (1..)
        .zip(&sections)
        .map(|(number, (heading, text))| Source { number, heading, text })
        .collect();
    let task = match wish.as_str() {
        "short" => Task::Summary { length: SummaryLength::Short },
        "medium" => Task::Summary { length: SummaryLength::Medium },
        "long" => Task::Summary { length: SummaryLength::Long },
        _ => Task::Answer,
    };
    let begun = Instant::now();
    let request =
        ExtractRequest { question: wish, sources: &sources, task, language: Language::De };
    let answer = Extractive.answer(&request);
    let took = begun.elapsed();
    writeln!(std::io::stdout(), "{}\n\n({} sections, {took:?})", answer.render(), sections.len())
}

/// The text below each heading, with the path of headings.
fn sections(markdown: &str) -> Vec<(String, String)> {
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut sections = vec![(String::new(), String::new())];
    for line in markdown.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
        if depth > 0 {
            path.retain(|(level, _)| *level < depth);
            path.push((depth, line[depth..].trim()));
            let heading: Vec<&str> = path.iter().skip(1).map(|(_, heading)| *heading).collect();
            sections.push((heading.join(" › "), String::new()));
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    sections.retain(|(_, text)| !text.trim().is_empty());
    sections
}
