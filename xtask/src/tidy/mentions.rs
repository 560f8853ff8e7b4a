//! What a source may not even mention: the environment outside of the configuration, crates
//! behind `app` inside a route.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use super::Findings;
use super::house::{House, Source};
use super::layers;

/// The one place of the shipped crates that reads the environment.
const CONFIGURATION: [&str; 2] = ["crates/server/src/config.rs", "crates/server/src/config/"];

/// Functions of `std::env` that read or write variables.
const ENVIRONMENT: [&str; 6] = ["var", "var_os", "vars", "vars_os", "set_var", "remove_var"];

/// What a route may name of ours: it decodes, calls one `app` method and encodes.
const ROUTES_MAY_NAME: [&str; 3] = ["app", "llm", "domain"];

/// Checks every file that ships.
pub fn check(house: &House, findings: &mut Findings) {
    for source in house.sources.iter().filter(|source| !source.is_test) {
        let Ok(file) = &source.syntax else { continue };
        let mut paths = Paths::default();
        paths.visit_file(file);
        if may_not_read_environment(source) {
            check_environment(source, &paths, findings);
        }
        if is_route(&source.path) {
            check_route(source, &paths, findings);
        }
    }
}

fn may_not_read_environment(source: &Source) -> bool {
    let path = source.path.as_str();
    let is_shipped = path.starts_with("crates/")
        && path.contains("/src/")
        && !path.starts_with("crates/testkit/");
    is_shipped && !CONFIGURATION.iter().any(|home| path.starts_with(home))
}

fn check_environment(source: &Source, paths: &Paths, findings: &mut Findings) {
    for (segments, line) in &paths.found {
        let reads = segments
            .windows(2)
            .any(|pair| pair[0] == "env" && ENVIRONMENT.contains(&pair[1].as_str()));
        if reads {
            let text =
                "only server/src/config.rs reads the environment: take the value as a parameter";
            findings.fail(&source.path, *line, text);
        }
    }
}

fn is_route(path: &str) -> bool {
    path == "crates/server/src/routes.rs" || path.starts_with("crates/server/src/routes/")
}

fn check_route(source: &Source, paths: &Paths, findings: &mut Findings) {
    for (segments, line) in &paths.found {
        let Some(first) = segments.first().filter(|_| segments.len() > 1) else { continue };
        let is_ours = layers::level(first).is_some() && !paths.local.contains(first);
        if is_ours && !ROUTES_MAY_NAME.contains(&first.as_str()) {
            let text =
                format!("a route names {first}; of ours it may name only app, llm and domain");
            findings.fail(&source.path, *line, text);
        }
    }
}

/// Every path a file mentions, and the names it brings in or declares itself.
#[derive(Debug, Default)]
struct Paths {
    found: Vec<(Vec<String>, usize)>,
    local: BTreeSet<String>,
}

impl Paths {
    fn note_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.note_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.note_use(tree, before));
            }
            syn::UseTree::Name(name) => {
                self.note_import(before, name.ident.to_string());
                self.found.push((with(&name.ident), name.ident.span().start().line));
            }
            syn::UseTree::Rename(rename) => {
                self.note_import(before, rename.rename.to_string());
                self.found.push((with(&rename.ident), rename.ident.span().start().line));
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.found.push(([before, &["*".to_owned()]].concat(), line));
            }
        }
    }

    fn note_import(&mut self, before: &[String], name: String) {
        if matches!(before.first().map(String::as_str), Some("crate" | "self" | "super")) {
            self.local.insert(name);
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.local.insert(module.ident.to_string());
        if !super::measure::is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.found.push((segments, first.ident.span().start().line));
        }
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::house;

    fn findings(path: &str, text: &str) -> usize {
        let source = house::read(path, text.to_owned());
        let mut paths = Paths::default();
        paths.visit_file(source.syntax.as_ref().expect("the test's source is Rust"));
        let mut findings = Findings::default();
        if may_not_read_environment(&source) {
            check_environment(&source, &paths, &mut findings);
        }
        if is_route(path) {
            check_route(&source, &paths, &mut findings);
        }
        findings.0.len()
    }

    #[test]
    fn the_environment_is_read_in_one_place() {
        let read = "fn f() { std::env::var(\"A\"); }";
        assert_eq!(findings("crates/app/src/lib.rs", read), 1);
        assert_eq!(findings("crates/app/src/lib.rs", "use std::env::{args, var_os};"), 1);
        assert_eq!(findings("crates/app/src/lib.rs", "fn f() { std::env::temp_dir(); }"), 0);
        assert_eq!(findings("crates/server/src/config.rs", read), 0);
        assert_eq!(findings("crates/server/src/config/raw.rs", read), 0);
    }

    #[test]
    fn a_route_names_app_and_not_what_is_behind_it() {
        let route = "crates/server/src/routes/search.rs";
        assert_eq!(findings(route, "use app::App; use domain::DocumentId;"), 0);
        assert_eq!(findings(route, "fn f() { store::Store::open(); }"), 1);
        assert_eq!(findings(route, "use search::Hit;"), 1);
        assert_eq!(findings(route, "use crate::routes::search; fn f() { search::run(); }"), 0);
        assert_eq!(findings("crates/server/src/main.rs", "use store::Store;"), 0);
    }
}
