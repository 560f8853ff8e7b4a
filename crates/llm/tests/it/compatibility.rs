//! The page on compatibility is current, and nothing is ignored that is not named here.

use std::{fs, path::PathBuf};

use llm::compatibility::{self, Outcome};

#[test]
#[expect(clippy::disallowed_methods, reason = "who wants the page written anew says so")]
fn generated_compatibility_page_is_current() {
    const NAME: &str = "docs/operate/compatibility.md";
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(NAME);
    let expected = compatibility::page();
    if fs::read_to_string(&path).unwrap_or_default() == expected {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    panic!("{NAME} is out of date: run UPDATE_EXPECT=1 cargo test -p llm generated");
}

/// What may get lost on the way, because an answer is the same without.
const HARMLESS: [&str; 17] = [
    // The answer is put into the form that was asked for.
    "`encoding_format`",
    "`top_n`",
    "`return_documents`",
    "`user`",
    "`metadata`",
    "`store: true`",
    "`service_tier`",
    "`prompt_cache_key`",
    "`messages`: `name`",
    "`messages`: `image_url.detail`",
    "`messages`: `cache_control`",
    // Thoughts go back only to the server that can check their seal.
    "`messages`: `reasoning_content`",
    "`messages`: sealed `thinking_blocks`",
    // A model that is given no tools calls none.
    "`tool_choice: auto`",
    // How reasoning is summed up is the server's own affair; ours is never encrypted.
    "`reasoning.summary`",
    "`include`: encrypted reasoning",
    "`messages`: instructions (`developer`)",
];

#[test]
fn only_hints_are_ignored() {
    for table in compatibility::tables() {
        for (field, outcomes) in &table.rows {
            assert_eq!(outcomes.len(), table.columns.len());
            if outcomes.contains(&Outcome::Ignored) {
                assert!(HARMLESS.contains(field), "{field} is ignored ({})", table.title);
            }
        }
    }
}
