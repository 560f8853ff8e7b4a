//! How long, deep and wide things may grow before somebody has to think.

use super::Findings;
use super::house::{House, Source};
use super::measure::{self, FunctionSize};
use super::raise::{self, Key, Raise};

/// A budget: from where on it is mentioned, and from where on it fails.
#[derive(Debug, Clone, Copy)]
struct Budget {
    key: Key,
    warn: usize,
    fail: usize,
    unit: &'static str,
}

const FILE: Budget = Budget { key: Key::Lines, warn: 300, fail: 600, unit: "lines" };
const FUNCTION: Budget = Budget { key: Key::Function, warn: 50, fail: 100, unit: "lines" };
const DEPTH: Budget = Budget { key: Key::Depth, warn: 3, fail: 4, unit: "nested blocks" };
const PARAMS: Budget = Budget { key: Key::Params, warn: 5, fail: 7, unit: "parameters" };

/// One thing that was measured, and the budget it has.
#[derive(Debug)]
struct Found {
    name: String,
    line: usize,
    budget: Budget,
    value: usize,
}

impl Found {
    fn of_file(lines: usize) -> Self {
        Self { name: "this file".into(), line: 0, budget: FILE, value: lines }
    }

    fn of_function(function: &FunctionSize) -> [Self; 3] {
        [(FUNCTION, function.lines), (DEPTH, function.depth), (PARAMS, function.params)].map(
            |(budget, value)| Self {
                name: format!("fn {}", function.name),
                line: function.line,
                budget,
                value,
            },
        )
    }
}

/// Folders below `src/`.
const FOLDERS_WARN: usize = 1;
const FOLDERS_FAIL: usize = 2;

/// Tower layers around the routes: each costs compile time and a look when something is odd.
const MIDDLEWARE_MAX: usize = 12;

/// Checks every file that ships.
pub fn check(house: &House, findings: &mut Findings) {
    for source in house.sources.iter().filter(|source| !source.is_test) {
        check_source(source, findings);
    }
    for path in house.files.iter().filter(|path| is_web_source(path)) {
        if let Some(text) = house.read(path) {
            let raises = raises(path, &text, findings);
            let found = [Found::of_file(text.lines().count())];
            judge(path, &found, &raises, findings);
        }
    }
    for path in &house.files {
        check_folders(path, findings);
    }
    check_middleware(house, findings);
}

fn check_source(source: &Source, findings: &mut Findings) {
    let path = &source.path;
    let file = match &source.syntax {
        Ok(file) => file,
        Err(mistake) => return findings.fail(path, 0, format!("this is not Rust: {mistake}")),
    };
    let raises = raises(path, &source.text, findings);
    let size = measure::measure(file);
    let mut found = vec![Found::of_file(source.text.lines().count() - size.test_lines)];
    found.extend(size.functions.iter().flat_map(Found::of_function));
    judge(path, &found, &raises, findings);
}

fn raises(path: &str, text: &str, findings: &mut Findings) -> Vec<Raise> {
    let (raises, mistakes) = raise::read(text);
    for (line, mistake) in mistakes {
        findings.fail(path, line, mistake);
    }
    raises
}

/// Compares everything that was found in a file with its budgets.
fn judge(path: &str, found: &[Found], raises: &[Raise], findings: &mut Findings) {
    for one in found {
        let Found { line, budget: Budget { key, warn, fail, unit }, value, .. } = *one;
        let has = format!("{} has {value} {unit}", one.name);
        if let Some(raise) = raises.iter().find(|raise| raise.key == key) {
            // A raised budget was thought about: no warning below it, no mercy above it.
            if value > raise.limit {
                findings.fail(
                    path,
                    line,
                    format!("{has}; the file raised that to {}", raise.limit),
                );
            }
        } else if value > fail {
            findings.fail(path, line, format!("{has}; at most {fail}"));
        } else if value > warn {
            findings.warn(path, line, format!("{has}; better at most {warn}"));
        }
    }
    // A raise that is no longer needed would let the file grow again unseen.
    for raise in raises {
        let is_needed = |one: &Found| one.budget.key == raise.key && one.value > one.budget.warn;
        if !found.iter().any(is_needed) {
            findings.fail(
                path,
                raise.line,
                "this raise of a budget is no longer needed: remove it",
            );
        }
    }
}

fn is_web_source(path: &str) -> bool {
    // What is generated or translated is as long as what it was made of.
    let is_ours = path.starts_with("web/src/")
        && !path.ends_with(".d.ts")
        && !path.starts_with("web/src/lib/messages/");
    is_ours && [".ts", ".js", ".svelte", ".css"].iter().any(|ending| path.ends_with(ending))
}

fn check_folders(path: &str, findings: &mut Findings) {
    let Some((home, inside)) = path.split_once("/src/") else { return };
    if !home.starts_with("crates/") && home != "xtask" {
        return;
    }
    let folders = inside.matches('/').count();
    if folders > FOLDERS_FAIL {
        let text = format!("{folders} folders below src; at most {FOLDERS_FAIL}");
        findings.fail(path, 0, text);
    } else if folders > FOLDERS_WARN {
        let text = format!("{folders} folders below src; better at most {FOLDERS_WARN}");
        findings.warn(path, 0, text);
    }
}

fn check_middleware(house: &House, findings: &mut Findings) {
    let layers: usize = house
        .sources
        .iter()
        .filter(|source| !source.is_test && source.path.starts_with("crates/server/src/"))
        .map(|source| source.text.matches(".layer(").count())
        .sum();
    if layers > MIDDLEWARE_MAX {
        let text = format!("{layers} middleware layers; at most {MIDDLEWARE_MAX}");
        findings.fail("crates/server", 0, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::house;

    fn findings(path: &str, text: String) -> Vec<String> {
        let mut findings = Findings::default();
        check_source(&house::read(path, text), &mut findings);
        findings.texts()
    }

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_long_function_warns_and_a_very_long_one_fails() {
        assert!(findings("a.rs", function(50)).is_empty());
        assert_eq!(
            findings("a.rs", function(51)),
            ["warning: a.rs:1: fn f has 51 lines; better at most 50"]
        );
        assert_eq!(
            findings("a.rs", function(101)),
            ["error: a.rs:1: fn f has 101 lines; at most 100"]
        );
    }

    #[test]
    fn a_file_raises_its_own_budget_and_lowers_it_again() {
        let reason = "// tidy: function=120 because the table is read top to bottom\n";
        assert!(findings("a.rs", format!("{reason}{}", function(110))).is_empty());
        assert_eq!(findings("a.rs", format!("{reason}{}", function(121))).len(), 1);
        assert_eq!(
            findings("a.rs", format!("{reason}{}", function(10))),
            ["error: a.rs:1: this raise of a budget is no longer needed: remove it"]
        );
    }

    #[test]
    fn tests_do_not_count_as_lines_of_a_file() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // x\n".repeat(700));
        assert!(findings("a.rs", format!("fn f() {{}}\n{tests}")).is_empty());
        assert_eq!(findings("a.rs", "// x\n".repeat(601)).len(), 1);
    }

    #[test]
    fn folders_below_src_are_counted() {
        let mut findings = Findings::default();
        check_folders("crates/a/src/b/c.rs", &mut findings);
        assert!(findings.texts().is_empty());
        check_folders("crates/a/src/b/c/d/e.rs", &mut findings);
        assert_eq!(findings.texts().len(), 1);
    }
}
