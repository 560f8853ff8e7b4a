//! Questions to ask: a fixed list as people ask them, and as many as wanted derived from the headings
//! of the laws.

use std::collections::HashSet;
use std::fs;

use super::documents::File;
use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// Shortest title of a section that is worth a question, in characters.
const TITLE_CHARS_MIN: usize = 12;
/// Longest one, in characters.
const TITLE_CHARS_MAX: usize = 90;

/// The fixed list, `bench/questions-de.txt`: one question a line.
pub fn fixed(place: &Place) -> Outcome<Vec<String>> {
    let path = place.root.join("bench/questions-de.txt");
    let text = fs::read_to_string(&path).map_err(|e| Failure::file("read", &path, &e))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// So many different questions, spread evenly over all sections of the laws; the same every time.
pub fn derived(laws: &[File], wanted: usize) -> Vec<String> {
    let mut sections = Vec::new();
    for law in laws {
        let text = String::from_utf8_lossy(&law.content);
        let name = front_matter(&text, "jurabk:").unwrap_or_default();
        sections.extend(text.lines().filter_map(section).map(|one| (name.clone(), one)));
    }
    let mut seen = HashSet::new();
    sections.retain(|(_, (_, title))| seen.insert(title.clone()));
    // Every n-th, but for the remainder at the end.
    let step = (sections.len() / wanted.max(1)).max(1);
    let chosen = sections.into_iter().step_by(step).take(wanted).enumerate();
    chosen.map(|(number, (law, section))| ask(number, &law, section)).collect()
}

/// People type titles, references, or whole sentences.
fn ask(number: usize, law: &str, (reference, title): (String, String)) -> String {
    match number % 4 {
        0 => title,
        1 => format!("Was gilt für {title}?"),
        2 => format!("{reference} {law}"),
        _ => format!("{title} nach {law}"),
    }
}

fn front_matter(text: &str, key: &str) -> Option<String> {
    let value = text.lines().take(12).find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().to_owned())
}

/// The reference and the title of a heading such as `#### § 35a Vollständig automatisierter Erlass`.
fn section(line: &str) -> Option<(String, String)> {
    let heading = line.trim_start_matches('#');
    let rest = heading.trim().strip_prefix("§ ").filter(|_| heading.len() < line.len())?;
    let (number, title) = rest.split_once(' ')?;
    let title = title.trim();
    let is_fit = (TITLE_CHARS_MIN..=TITLE_CHARS_MAX).contains(&title.chars().count());
    let is_text = title.starts_with(char::is_alphabetic);
    (is_fit && is_text).then(|| (format!("§ {number}"), title.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_become_questions_of_four_kinds() {
        let law = "---\njurabk: VwVfG\n---\n# Gesetz\n\
            #### § 1 Anwendungsbereich\n§ 2 ist kein Titel\n#### § 3 (weggefallen)\n\
            #### § 4 Amtshilfepflicht\n#### § 5 Voraussetzungen und Grenzen\n\
            #### § 35a Vollständig automatisierter Erlass\n#### § 36 Anwendungsbereich\n";
        let law = File { name: "vwvfg.md".into(), content: law.into() };
        let laws = [law];
        assert_eq!(
            derived(&laws, 4),
            [
                "Anwendungsbereich",
                "Was gilt für Amtshilfepflicht?",
                "§ 5 VwVfG",
                "Vollständig automatisierter Erlass nach VwVfG"
            ]
        );
        assert_eq!(
            derived(&laws, 2),
            ["Anwendungsbereich", "Was gilt für Voraussetzungen und Grenzen?"]
        );
    }
}
