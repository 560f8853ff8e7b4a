//! Everything the checks look at, read once: file names, Rust sources, packages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::modules;
use crate::failure::Outcome;
use crate::place::Place;
use crate::shell;

/// The repository as the checks see it.
pub struct House {
    /// The root of the repository.
    pub root: PathBuf,
    /// Every file that is committed or could be, relative to the root, sorted.
    pub files: Vec<String>,
    /// The Rust files among them.
    pub sources: Vec<Source>,
    /// Our own packages and what they depend on.
    pub packages: Vec<Package>,
}

/// A Rust file.
pub struct Source {
    /// Relative to the root, with `/`.
    pub path: String,
    /// What is written in it.
    pub text: String,
    /// Its syntax, or why it has none.
    pub syntax: Result<syn::File, String>,
    /// Only compiled for tests.
    pub is_test: bool,
}

/// One of our own packages.
#[derive(Debug)]
pub struct Package {
    /// Its name, which is its folder's name too.
    pub name: String,
    /// What it names in its manifest.
    pub dependencies: Vec<Dependency>,
}

/// What a package depends on.
#[derive(Debug)]
pub struct Dependency {
    /// The name of the other package.
    pub name: String,
    /// Only its tests depend on it.
    pub is_dev: bool,
}

impl House {
    /// Reads the working tree: what version control knows and what it would take up.
    pub fn load(place: &Place) -> Outcome<Self> {
        let files = list(place)?;
        let mut sources: Vec<Source> = files
            .iter()
            .filter(|path| path.ends_with(".rs"))
            .filter_map(|path| Some(read(path, fs::read_to_string(place.root.join(path)).ok()?)))
            .collect();
        modules::mark_tests(&mut sources);
        Ok(Self { root: place.root.clone(), files, sources, packages: packages(&place.metadata) })
    }

    /// Reads a file of any kind; nothing if it is not text.
    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }
}

/// Makes a source of a path and a text.
pub fn read(path: &str, text: String) -> Source {
    let syntax = syn::parse_file(&text).map_err(|error| error.to_string());
    let is_test = ["tests", "benches", "fuzz"]
        .iter()
        .any(|folder| path.split('/').any(|part| part == *folder));
    Source { path: path.to_owned(), text, syntax, is_test }
}

fn list(place: &Place) -> Outcome<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = shell::read(git.current_dir(&place.root))?;
    let mut files: Vec<String> = output
        .split('\0')
        // A file that was deleted but not yet committed as such is still listed.
        .filter(|path| !path.is_empty() && place.root.join(path).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn packages(metadata: &Value) -> Vec<Package> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            dependencies: list(&package["dependencies"])
                .iter()
                .map(|dependency| Dependency {
                    name: text(&dependency["name"]),
                    is_dev: dependency["kind"] == "dev",
                })
                .collect(),
        })
        .collect()
}
