//! Names say what is inside: words that fit anything are banned for files, folders and types.

use syn::visit::{self, Visit};

use super::Findings;
use super::house::{House, Source};

/// Words that fit anything and so say nothing.
const EMPTY_WORDS: [&str; 13] = [
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "manager",
    "processor",
    "service",
    "handler",
    "handlers",
    "data",
    "info",
];

/// Checks the names of files, folders and types.
pub fn check(house: &House, findings: &mut Findings) {
    for path in house.files.iter().filter(|path| is_named_by_us(path)) {
        if let Some(word) = empty_word(path) {
            findings.fail(path, 0, format!("`{word}` fits anything: name what is inside"));
        }
        if path.ends_with("/mod.rs") {
            findings.fail(path, 0, "a module is `thing.rs` beside `thing/`, not `thing/mod.rs`");
        }
    }
    for source in house.sources.iter().filter(|source| !source.is_test) {
        check_types(source, findings);
    }
}

fn is_named_by_us(path: &str) -> bool {
    let is_code = [".rs", ".ts", ".js", ".svelte"].iter().any(|ending| path.ends_with(ending));
    is_code && ["crates/", "xtask/", "web/"].iter().any(|folder| path.starts_with(folder))
}

/// The last word of a file's or folder's name, if it is an empty one.
fn empty_word(path: &str) -> Option<&'static str> {
    path.split('/').find_map(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        let last = stem.rsplit(['_', '-']).next().unwrap_or_default();
        EMPTY_WORDS.into_iter().find(|word| *word == last)
    })
}

fn check_types(source: &Source, findings: &mut Findings) {
    let Ok(file) = &source.syntax else { return };
    let mut types = Types::default();
    types.visit_file(file);
    for (name, line) in types.0 {
        let last = last_word(&name);
        if EMPTY_WORDS.contains(&last.as_str()) {
            findings.fail(&source.path, line, format!("type {name}: `{last}` fits anything"));
        }
    }
}

/// The last word of a name in camel case, in small letters.
fn last_word(name: &str) -> String {
    let start = name.rfind(|letter: char| letter.is_ascii_uppercase()).unwrap_or(0);
    name[start..].to_ascii_lowercase()
}

#[derive(Debug, Default)]
struct Types(Vec<(String, usize)>);

impl Types {
    fn note(&mut self, name: &syn::Ident) {
        self.0.push((name.to_string(), name.span().start().line));
    }
}

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.note(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.note(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.note(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.note(&item.ident);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_named_after_nothing_are_found() {
        assert_eq!(empty_word("crates/a/src/utils.rs"), Some("utils"));
        assert_eq!(empty_word("crates/a/src/common/text.rs"), Some("common"));
        assert_eq!(empty_word("crates/a/src/test_helper.rs"), Some("helper"));
        assert_eq!(empty_word("crates/a/src/data_class.rs"), None);
        assert_eq!(empty_word("web/src/routes/search/+page.svelte"), None);
    }

    #[test]
    fn only_the_last_word_of_a_type_counts() {
        assert_eq!(last_word("DataClass"), "class");
        assert_eq!(last_word("JobManager"), "manager");
        assert_eq!(last_word("Info"), "info");
    }
}
