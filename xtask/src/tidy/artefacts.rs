//! Files that are made from code are there and say so; that they are current is proved by
//! the tests of the crate that writes them.

use super::Findings;
use super::house::House;

/// A generated file and the sentence that brings it back.
const GENERATED: [(&str, &str); 4] = [
    ("openapi/api.json", "the API description is missing: run `cargo xtask generate`"),
    ("config/reference.toml", "the configuration reference is missing: run `cargo xtask generate`"),
    (
        "docs/operate/configuration.md",
        "the configuration page is missing: run `cargo xtask generate`",
    ),
    ("web/src/lib/api/schema.d.ts", "the web client is missing: run `cargo xtask generate`"),
];

/// Documents that every visitor looks for.
const EXPECTED: [&str; 8] = [
    "README.md",
    "README.de.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE",
    ".ci/run",
];

/// Checks that they are there.
pub fn check(house: &House, findings: &mut Findings) {
    let is_there = |path: &str| house.files.iter().any(|file| file == path);
    for (path, advice) in GENERATED {
        if !is_there(path) {
            findings.fail(path, 0, advice);
        }
    }
    for path in EXPECTED {
        if !is_there(path) {
            findings.fail(path, 0, "this document belongs to the house and is missing");
        }
    }
}
