//! Every Rust file is wired in, opens with what it is for, and tests are one program a crate.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::house::{House, Source};
use super::measure::is_for_tests;

/// Checks the Rust files of our crates and of the toolbox.
pub fn check(house: &House, findings: &mut Findings) {
    let reached = reach(&house.sources);
    for source in house.sources.iter().filter(|source| is_ours(&source.path)) {
        let path = source.path.as_str();
        if !reached.contains_key(path) && !is_stray_test(path) {
            findings.fail(path, 0, "no `mod` line leads here: wire it in or remove it");
        }
        if is_stray_test(path) {
            let text = "a crate has one test program: make this a module of tests/it/main.rs";
            findings.fail(path, 0, text);
        }
        if !source.is_test && path.contains("/src/") && !source.text.starts_with("//!") {
            let text =
                "the first line is no `//!`: say what the module is for and what it does not know";
            findings.fail(path, 1, text);
        }
    }
}

/// Marks the files that only a `#[cfg(test)] mod …;` leads to.
pub fn mark_tests(sources: &mut [Source]) {
    let reached = reach(sources);
    for source in sources {
        source.is_test |= reached.get(&source.path) == Some(&Reached::ForTests);
    }
}

/// On whose behalf a file is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    ForTests,
    Always,
}

/// Follows the `mod` lines from every crate root.
fn reach(sources: &[Source]) -> BTreeMap<String, Reached> {
    let known: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut reached = BTreeMap::new();
    let mut open: Vec<(String, Reached)> = known
        .keys()
        .filter(|path| is_root(path))
        .map(|path| ((*path).to_owned(), Reached::Always))
        .collect();
    while let Some((path, way)) = open.pop() {
        // The shipped way wins over the way through the tests.
        if matches!(reached.get(&path), Some(before) if *before == Reached::Always || *before == way)
        {
            continue;
        }
        if let Some(Ok(file)) = known.get(path.as_str()).map(|source| &source.syntax) {
            let mut declared = BTreeSet::new();
            children(&file.items, &folder_of_modules(&path), way, &mut declared);
            declared.retain(|(path, _)| known.contains_key(path.as_str()));
            open.extend(declared);
        }
        reached.insert(path, way);
    }
    reached
}

/// Collects the files that the `mod` lines among `items` may mean, and how they are reached.
fn children(
    items: &[syn::Item],
    folder: &str,
    way: Reached,
    found: &mut BTreeSet<(String, Reached)>,
) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        let way = if is_for_tests(&module.attrs) { Reached::ForTests } else { way };
        let name = module.ident.to_string();
        let name = name.trim_start_matches("r#");
        if let Some((_, inside)) = &module.content {
            children(inside, &format!("{folder}/{name}"), way, found);
        } else {
            found.insert((format!("{folder}/{name}.rs"), way));
            found.insert((format!("{folder}/{name}/mod.rs"), way));
        }
    }
}

/// Where the files of a file's child modules lie.
fn folder_of_modules(path: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if is_root(path) || path.ends_with("/mod.rs") {
        folder.to_owned()
    } else {
        path.trim_end_matches(".rs").to_owned()
    }
}

fn is_root(path: &str) -> bool {
    let Some(inside) = inside_crate(path) else { return false };
    match inside.split('/').collect::<Vec<_>>()[..] {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
        // Stray test programs are roots too; that they are stray is said elsewhere.
        ["tests" | "examples" | "benches", _] => true,
        ["src", "bin", _] | ["src", "bin", _, "main.rs"] => true,
        ["tests" | "examples" | "benches", _, "main.rs"] => true,
        ["fuzz", ..] => true,
        _ => false,
    }
}

fn is_stray_test(path: &str) -> bool {
    let parts: Vec<&str> = inside_crate(path).unwrap_or_default().split('/').collect();
    matches!(parts[..], ["tests", _])
        || matches!(parts[..], ["tests", folder, "main.rs"] if folder != "it")
}

fn is_ours(path: &str) -> bool {
    inside_crate(path).is_some()
}

/// The path inside its crate, if it lies in one.
fn inside_crate(path: &str) -> Option<&str> {
    if let Some(inside) = path.strip_prefix("xtask/") {
        return Some(inside);
    }
    path.strip_prefix("crates/")?.split_once('/').map(|(_, inside)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::house::read;

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(path, text)| read(path, (*text).to_owned())).collect()
    }

    #[test]
    fn mod_lines_lead_from_root_to_file() {
        let sources = sources(&[
            ("crates/a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod tests;\nmod inline { mod d; }"),
            ("crates/a/src/b.rs", "mod c;"),
            ("crates/a/src/b/c.rs", ""),
            ("crates/a/src/inline/d.rs", ""),
            ("crates/a/src/tests.rs", ""),
            ("crates/a/src/lost.rs", ""),
        ]);
        let reached = reach(&sources);
        assert_eq!(reached.get("crates/a/src/b/c.rs"), Some(&Reached::Always));
        assert_eq!(reached.get("crates/a/src/inline/d.rs"), Some(&Reached::Always));
        assert_eq!(reached.get("crates/a/src/tests.rs"), Some(&Reached::ForTests));
        assert_eq!(reached.get("crates/a/src/lost.rs"), None);
    }

    #[test]
    fn a_test_file_that_nobody_runs_is_found() {
        let sources = sources(&[
            ("crates/a/tests/it/main.rs", "mod seen;"),
            ("crates/a/tests/it/seen.rs", ""),
            ("crates/a/tests/it/unseen.rs", ""),
        ]);
        let reached = reach(&sources);
        assert!(reached.contains_key("crates/a/tests/it/seen.rs"));
        assert!(!reached.contains_key("crates/a/tests/it/unseen.rs"));
    }

    #[test]
    fn a_crate_has_one_test_program() {
        assert!(is_stray_test("crates/a/tests/more.rs"));
        assert!(is_stray_test("crates/a/tests/e2e/main.rs"));
        assert!(!is_stray_test("crates/a/tests/it/main.rs"));
        assert!(!is_stray_test("crates/a/tests/it/search.rs"));
    }
}
