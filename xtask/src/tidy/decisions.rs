//! Decision records: numbered without gaps, one page, always the same four questions.

use super::Findings;
use super::house::House;

const FOLDER: &str = "docs/decisions/";

/// What every record answers, in this order.
const SECTIONS: [&str; 4] =
    ["## Situation", "## Decision", "## What we give up", "## When to look again"];

/// One page.
const LINES_MAX: usize = 80;

/// Checks every record and their numbers.
pub fn check(house: &House, findings: &mut Findings) {
    let mut expected = 1;
    for path in house.files.iter().filter(|path| path.starts_with(FOLDER)) {
        let name = &path[FOLDER.len()..];
        match number(name) {
            None => findings.fail(path, 0, "a record is called NNNN-title-in-small-letters.md"),
            Some(number) => {
                if number != expected {
                    let text = format!("its number is {number}; the next free one is {expected}");
                    findings.fail(path, 0, text);
                }
                expected = number + 1;
                check_text(path, number, &house.read(path).unwrap_or_default(), findings);
            }
        }
    }
}

fn number(name: &str) -> Option<usize> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_title = !title.is_empty()
        && title
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    (digits.len() == 4 && is_title).then(|| digits.parse().ok())?
}

fn check_text(path: &str, number: usize, text: &str, findings: &mut Findings) {
    if !text.starts_with(&format!("# {number:04}: ")) {
        findings.fail(path, 1, format!("the first line is not `# {number:04}: Title`"));
    }
    if !text.lines().any(|line| line.starts_with("Status: ")) {
        findings.fail(path, 0, "the line `Status: accepted` (or superseded by NNNN) is missing");
    }
    let found: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
    if found != SECTIONS {
        findings.fail(path, 0, format!("its sections are not: {}", SECTIONS.join(", ")));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.fail(path, 0, format!("{lines} lines; a record is one page, at most {LINES_MAX}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_a_number_and_a_title() {
        assert_eq!(number("0007-built-in-engine.md"), Some(7));
        assert_eq!(number("7-built-in-engine.md"), None);
        assert_eq!(number("0007-Built.md"), None);
    }

    #[test]
    fn a_record_answers_four_questions() {
        let good =
            format!("# 0001: Title\n\nStatus: accepted\n\n{}\n", SECTIONS.join("\n\nText.\n\n"));
        let mut findings = Findings::default();
        check_text("a.md", 1, &good, &mut findings);
        assert!(findings.texts().is_empty());
        check_text("a.md", 1, "# Title\n", &mut findings);
        assert_eq!(findings.texts().len(), 3);
    }
}
