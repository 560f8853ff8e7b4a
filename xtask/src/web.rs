//! The web interface: its packages, its build, its own checks, and the browser journey.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{debian, shell};

/// The oldest Node.js that the build tool accepts.
const NODE_MIN: (u32, u32) = (20, 19);

/// Folders below `web/` that the built interface does not depend on.
const NOT_SOURCES: [&str; 6] =
    ["node_modules", "build", ".svelte-kit", "test-results", "e2e", "dev"];

/// Builds the static interface into `web/build`, unless that was made of these very sources.
pub fn build(place: &Place) -> Outcome {
    install(place)?;
    let web = place.web();
    // Inside node_modules: thrown away with it, never embedded, ignored by version control.
    let stamp = web.join("node_modules/.fachwerk-build");
    let sources = fingerprint(&sources(&web)?)?;
    if web.join("build/index.html").is_file() && is_stamped(&stamp, &sources) {
        println!("▸ web interface: unchanged");
        return Ok(());
    }
    println!("▸ web interface: build");
    script(place, "build")?;
    write_stamp(&stamp, &sources)
}

/// Brings the packages of the lock file, unless they are there.
pub fn install(place: &Place) -> Outcome {
    check_node()?;
    let web = place.web();
    let wanted = web.join("package-lock.json");
    // npm writes this one last, so that a broken installation has none.
    let installed = web.join("node_modules/.package-lock.json");
    if is_installed(&read_lock(&wanted)?, &read_lock(&installed).unwrap_or_default()) {
        return Ok(());
    }
    println!("▸ web packages: install what package-lock.json names");
    shell::run(
        npm(place).args(["ci", "--no-audit", "--no-fund"]),
        "Check that the npm registry can be reached; after editing package.json run `npm install` in web/.",
    )
}

/// Tells whether every package that the lock file insists on was installed in that version.
fn is_installed(wanted: &Value, installed: &Value) -> bool {
    let Some(wanted) = wanted["packages"].as_object() else { return false };
    wanted.iter().filter(|(path, _)| !path.is_empty()).all(|(path, package)| {
        // Builds for other systems stand in the lock file and are rightly not here.
        package["optional"] == true || installed["packages"][path]["version"] == package["version"]
    })
}

fn read_lock(path: &Path) -> Outcome<Value> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(
            format!("{} is not JSON: {error}", path.display()),
            "Write it anew with `npm install` in web/.",
        )
    })
}

/// Runs a script of `web/package.json`.
pub fn script(place: &Place, name: &str) -> Outcome {
    shell::run(
        npm(place).args(["run", "--silent", name]),
        &format!("Repair what is named above; `npm run {name}` in web/ repeats this step alone."),
    )
}

/// Generates the client from `openapi/api.json` and fails if that changed what is committed.
pub fn check_client(place: &Place) -> Outcome {
    let folder = place.web().join("src/lib/api");
    let before = fingerprint(&files_below(&folder, &[])?)?;
    script(place, "generate")?;
    if fingerprint(&files_below(&folder, &[])?)? == before {
        return Ok(());
    }
    Err(Failure::new(
        "the web client was not generated from the current openapi/api.json",
        "It has just been written anew: look at it with `git diff web/src/lib/api` and commit it.",
    ))
}

/// Drives the built program through the journeys of `web/e2e` in a real browser.
pub fn journey(place: &Place, program: &Path) -> Outcome {
    let browser = debian::chromium().unwrap_or_else(|| PathBuf::from("chromium"));
    shell::run(
        npm(place)
            .args(["run", "--silent", "e2e"])
            .env("FACHWERK_BIN", program)
            .env("CHROMIUM", browser),
        "Pictures and traces of what failed lie in web/test-results; repeat with `cargo xtask test browser`.",
    )
}

fn npm(place: &Place) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(place.web());
    command
}

fn check_node() -> Outcome {
    let advice = format!("Install Node.js {}.{} or newer with npm.", NODE_MIN.0, NODE_MIN.1);
    if shell::which("node").is_none() || shell::which("npm").is_none() {
        return Err(Failure::new("Node.js or npm is missing", advice));
    }
    let version = shell::read(Command::new("node").arg("--version"))?;
    match node_version(&version) {
        Some(found) if found >= NODE_MIN => Ok(()),
        _ => Err(Failure::new(format!("Node.js {} is too old", version.trim()), advice)),
    }
}

fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn sources(web: &Path) -> Outcome<Vec<PathBuf>> {
    files_below(web, &NOT_SOURCES)
}

/// All files below a folder, sorted; folders named in `skipped` are left out at the top only.
fn files_below(folder: &Path, skipped: &[&str]) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).map_err(|error| Failure::file("read", &next, &error))?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let is_skipped =
                next == folder && skipped.iter().any(|name| entry.file_name() == *name);
            if path.is_dir() && !is_skipped {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A short text that changes when a name or the content of one of the files does.
fn fingerprint(files: &[PathBuf]) -> Outcome<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(file).map_err(|error| Failure::file("read", file, &error))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn is_stamped(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

fn write_stamp(stamp: &Path, text: &str) -> Outcome {
    fs::write(stamp, text).map_err(|error| Failure::file("write", stamp, &error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_is_installed_in_the_locked_version() {
        let lock =
            |version: &str| json!({"packages": {"": {}, "node_modules/a": {"version": version}}});
        assert!(is_installed(&lock("1.0.0"), &lock("1.0.0")));
        assert!(!is_installed(&lock("1.0.1"), &lock("1.0.0")));
        assert!(!is_installed(&lock("1.0.0"), &Value::Null));
    }

    #[test]
    fn a_build_for_another_system_may_be_absent() {
        let package = json!({"version": "1.0.0", "optional": true});
        assert!(is_installed(&json!({"packages": {"node_modules/a": package}}), &Value::Null));
    }

    #[test]
    fn node_tells_its_version() {
        assert_eq!(node_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(node_version("unknown"), None);
    }
}
