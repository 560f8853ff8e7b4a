//! The texts of the interface say the same things in every language.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Findings;
use super::house::House;

/// The file whose keys the others are compared with: German is written first.
const LEADING: &str = "web/src/lib/messages/de.json";
const FOLDER: &str = "web/src/lib/messages/";

type Messages = BTreeMap<String, String>;

/// Compares every message file with the leading one.
pub fn check(house: &House, findings: &mut Findings) {
    let Some(leading) = load(house, LEADING, findings) else { return };
    let others = house.files.iter().filter(|path| {
        path.starts_with(FOLDER) && path.ends_with(".json") && path.as_str() != LEADING
    });
    for path in others {
        if let Some(messages) = load(house, path, findings) {
            compare(path, &leading, &messages, findings);
        }
    }
}

fn load(house: &House, path: &str, findings: &mut Findings) -> Option<Messages> {
    let Some(text) = house.read(path) else {
        findings.fail(path, 0, "the texts of the interface are missing");
        return None;
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let mut messages = Messages::new();
            flatten("", &value, &mut messages);
            for (key, text) in &messages {
                if text.trim().is_empty() {
                    findings.fail(path, 0, format!("{key} is empty"));
                }
            }
            Some(messages)
        }
        Err(error) => {
            findings.fail(path, error.line(), "this is not JSON");
            None
        }
    }
}

fn flatten(prefix: &str, value: &Value, messages: &mut Messages) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, messages);
            }
        }
        Value::String(text) => {
            messages.insert(prefix.to_owned(), text.clone());
        }
        other => {
            messages.insert(prefix.to_owned(), other.to_string());
        }
    }
}

fn compare(path: &str, leading: &Messages, messages: &Messages, findings: &mut Findings) {
    for (key, text) in leading {
        match messages.get(key) {
            None => findings.fail(path, 0, format!("{key} is missing")),
            Some(other) if placeholders(other) != placeholders(text) => {
                findings.fail(path, 0, format!("{key} has other placeholders than in German"));
            }
            Some(_) => {}
        }
    }
    for key in messages.keys().filter(|key| !leading.contains_key(*key)) {
        findings.fail(path, 0, format!("{key} does not exist in German"));
    }
}

/// The names in braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pairs: &[(&str, &str)]) -> Messages {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_placeholders() {
        let german = messages(&[("a", "Noch {n} Seiten"), ("b", "Ja"), ("c", "Nein")]);
        let english = messages(&[("a", "{m} more pages"), ("b", "Yes"), ("d", "Maybe")]);
        let mut findings = Findings::default();
        compare("en.json", &german, &english, &mut findings);
        assert_eq!(
            findings.texts(),
            [
                "error: en.json: a has other placeholders than in German",
                "error: en.json: c is missing",
                "error: en.json: d does not exist in German",
            ]
        );
    }
}
