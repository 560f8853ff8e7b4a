//! A dependency that no source names costs build time for nothing.

use super::Findings;
use super::house::{Dependency, House, Source};
use super::layers::manifest;

/// Named in a manifest for a feature that it switches on in another package.
const FOR_ITS_FEATURES: [(&str, &str); 1] = [("xtask", "proc-macro2")];

/// Looks for every dependency's name in the sources of the package that asks for it.
pub fn check(house: &House, findings: &mut Findings) {
    for package in &house.packages {
        let path = manifest(&package.name);
        let folder = path.trim_end_matches("Cargo.toml");
        let sources: Vec<&Source> =
            house.sources.iter().filter(|source| source.path.starts_with(folder)).collect();
        for dependency in &package.dependencies {
            let is_known = FOR_ITS_FEATURES.contains(&(&package.name, &dependency.name));
            if !is_known && !is_used(dependency, &sources) {
                let text = format!("{} is not named by any source: remove it", dependency.name);
                findings.fail(&path, 0, text);
            }
        }
    }
}

fn is_used(dependency: &Dependency, sources: &[&Source]) -> bool {
    let name = dependency.name.replace('-', "_");
    sources
        .iter()
        // What only tests use belongs among the dependencies of tests; unit tests stand in `src`.
        .filter(|source| dependency.is_dev || !source.is_test)
        .any(|source| mentions_word(&source.text, &name))
}

fn mentions_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        line.match_indices(word).any(|(start, _)| {
            let before = line[..start].chars().next_back();
            let after = line[start + word.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::mentions_word;

    #[test]
    fn a_name_counts_as_a_word_outside_of_comments() {
        assert!(mentions_word("use serde::Serialize;", "serde"));
        assert!(!mentions_word("use serde_json::Value;", "serde"));
        assert!(!mentions_word("// serde would be too much here", "serde"));
    }
}
