//! Files written by the program itself are current. `UPDATE_EXPECT=1` writes them anew.

use std::{fs, path::PathBuf};

fn check(name: &str, expected: &str) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name);
    let current = fs::read_to_string(&path).unwrap_or_default();
    if current == expected {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
        return;
    }
    panic!("{name} is out of date: run UPDATE_EXPECT=1 cargo test -p server generated");
}

#[test]
fn generated_reference_file_is_current() {
    check("config/reference.toml", &server::config::reference_file());
}

#[test]
fn generated_reference_page_is_current() {
    check("docs/operate/configuration.md", &server::config::reference_page());
}

#[test]
fn generated_api_description_is_current() {
    check("openapi/api.json", &server::api_description());
}

#[test]
fn generated_reference_file_is_a_right_configuration() {
    let environment = server::config::Environment::from_pairs(&[("STANDARD_API_KEY", "k")]);
    let reference = server::config::reference_file();
    let config = server::config::load_text(&reference, &environment).unwrap();
    assert_eq!(config.listen.port(), 8080);
    // With every comment taken for what it shows, it must be right too, but for the alternatives.
    let shown: String = reference
        .lines()
        // Exceptions name a route of an installation that has more of them.
        .filter(|line| !line.starts_with("# route = "))
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .filter(|line| !ALTERNATIVES.iter().any(|name| line.starts_with(name)))
        .flat_map(|line| [line, "\n"])
        .collect();
    // The external guardrail is a model of an installation that has more of them.
    let shown = shown.replace("offers = \"chat\"", "offers = \"chat, moderations\"");
    let config = server::config::load_text(&shown, &environment).unwrap();
    assert_eq!(config.models[0].routes.len(), 1);
}

/// Settings that are there instead of others.
const ALTERNATIVES: [&str; 7] = [
    "api_key_file",
    "path",
    "max_memory_mb",
    "aws_",
    "service_account_file",
    "price_input",
    "price_output",
];

fn is_setting(line: &str) -> bool {
    line.starts_with("[[") || line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '))
}
