//! What was meant to be done later, and tests that are there but do not run.

use super::Findings;
use super::house::House;

/// Kinds of files that we write.
const KINDS: [&str; 7] = [".rs", ".ts", ".js", ".svelte", ".css", ".sql", ".toml"];

/// A piece of text nobody should leave behind, cut in two so that this file holds none of them.
const LEFTOVERS: &[((&str, &str), &str)] = &[
    (("TO", "DO"), "do it, or open an issue and leave no note"),
    (("FIX", "ME"), "mend it, or open an issue and leave no note"),
    (
        ("#[ign", "ore"),
        "a test that does not run proves nothing: assert what holds today and say why",
    ),
    (("#[should_", "panic"), "say what is expected with an assertion instead"),
    (("test.", "only("), "the other tests of this file would not run"),
    (("test.", "skip("), "a test that does not run proves nothing"),
    (("it.", "only("), "the other tests of this file would not run"),
    (("it.", "skip("), "a test that does not run proves nothing"),
    (("describe.", "only("), "the other tests of this file would not run"),
];

/// Checks every line of code.
pub fn check(house: &House, findings: &mut Findings) {
    for path in house.files.iter().filter(|path| KINDS.iter().any(|kind| path.ends_with(kind))) {
        for (index, line) in house.read(path).unwrap_or_default().lines().enumerate() {
            if let Some((what, advice)) = leftover(line) {
                findings.fail(path, index + 1, format!("{what}: {advice}"));
            }
        }
    }
}

fn leftover(line: &str) -> Option<(String, &'static str)> {
    LEFTOVERS.iter().find_map(|((left, right), advice)| {
        let text = format!("{left}{right}");
        line.match_indices(&text).any(|found| stands_alone(line, found)).then_some((text, *advice))
    })
}

/// Tells whether a match is a word of its own.
fn stands_alone(line: &str, (start, text): (usize, &str)) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let before = line[..start].chars().next_back();
    let after = line[start + text.len()..].chars().next();
    !before.is_some_and(is_part) && (text.ends_with('(') || !after.is_some_and(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_for_later_is_found_as_a_word() {
        let note = format!("// {}{}: later", "TO", "DO");
        assert!(leftover(&note).is_some());
        assert!(leftover("let mastodon = METHODOLOGY;").is_none());
    }

    #[test]
    fn a_test_that_does_not_run_is_found() {
        assert!(leftover(&format!("{}{}]", "#[ign", "ore")).is_some());
        assert!(leftover(&format!("{}{}'name', async () => {{", "test.", "skip(")).is_some());
        assert!(leftover("await(it, only)").is_none());
    }
}
