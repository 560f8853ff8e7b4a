//! What serde finds wrong with a body or a query, in words for people. serde says it as an English
//! sentence and in no other form, so its sentences are read here and nowhere else; a test holds them to
//! what serde really says. One that is not known is told without a reason.

use app::{Language, wording};

/// Longest piece of somebody's own text that is repeated, in characters; beyond: cut.
const ECHO_CHARS_MAX: usize = 200;

/// What is wrong: the name of its text, and what is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    code: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Misfit {
    /// Reads a sentence of serde or of a format built on it.
    pub fn read(sentence: &str) -> Self {
        let sentence = sentence.split(" at line ").next().unwrap_or_default();
        let with = |code, values: &[(&'static str, &str)]| Self {
            code,
            values: values.iter().map(|(name, value)| (*name, shorten(value))).collect(),
        };
        let quoted = |rest: &str| rest.split('`').nth(1).unwrap_or_default().to_owned();
        let after = |beginning: &str| sentence.strip_prefix(beginning);
        if after("missing field ").is_some() {
            return with("missing_required_parameter", &[("field", &quoted(sentence))]);
        }
        if after("duplicate field ").is_some() {
            return with("misfit_twice", &[("field", &quoted(sentence))]);
        }
        // The wrong name, then those that there are.
        let names =
            || sentence.split('`').skip(1).step_by(2).skip(1).collect::<Vec<_>>().join(", ");
        if after("unknown field ").is_some() {
            let (field, words) = (quoted(sentence), names());
            return match words.as_str() {
                "" => with("unknown_parameter", &[("field", &field)]),
                words => with("misfit_unknown", &[("field", &field), ("words", words)]),
            };
        }
        if after("unknown variant ").is_some() {
            return with("misfit_choice", &[("words", &names())]);
        }
        if after("UUID parsing failed").is_some() {
            return with("misfit_id", &[]);
        }
        // The words of our own type, see `time`.
        if after("expected a time such as ").is_some() {
            return with("misfit_time", &[]);
        }
        // What is read from the text of a query says so by the standard library's sentences.
        match sentence {
            "invalid digit found in string"
            | "cannot parse integer from empty string"
            | "number too large to fit in target type"
            | "number too small to fit in target type" => return with("misfit_whole", &[]),
            "provided string was not `true` or `false`" => return with("misfit_bool", &[]),
            _ => {}
        }
        for beginning in ["invalid type: ", "invalid value: ", "invalid length "] {
            let Some((_, expected)) =
                after(beginning).and_then(|rest| rest.rsplit_once(", expected "))
            else {
                continue;
            };
            return Self { code: kind(expected), values: vec![] };
        }
        Self { code: "misfit", values: vec![] }
    }

    /// Whether the text names this field itself.
    pub fn names(&self, path: &str) -> bool {
        let field = self.values.iter().find(|(name, _)| *name == "field");
        field.is_some_and(|(_, field)| path.rsplit('.').next() == Some(field))
    }

    /// In words.
    pub fn text(&self, language: Language) -> String {
        wording(language, self.code, &self.values)
    }
}

/// What was expected, as far as there is a plain word for it.
fn kind(expected: &str) -> &'static str {
    let is_whole = |name: &str| {
        let bits = name.strip_prefix(['u', 'i']);
        bits.is_some_and(|bits| bits == "size" || bits.parse::<u16>().is_ok())
    };
    match expected.split([' ', ',']).find(|word| !["a", "an", "the"].contains(word)) {
        Some("string" | "str" | "borrowed") => "misfit_text",
        Some("boolean" | "bool") => "misfit_bool",
        Some("sequence" | "array" | "tuple") => "misfit_list",
        Some("map" | "struct" | "object") => "misfit_object",
        Some("f64" | "f32") => "misfit_number",
        Some("UUID" | "formatted") if expected.contains("UUID") => "misfit_id",
        Some(name) if is_whole(name) || expected.contains("integer") => "misfit_whole",
        _ => "misfit",
    }
}

/// A piece of somebody's own text, cut if it is long.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the types matter here")]
    struct Everything {
        text: Option<String>,
        flag: Option<bool>,
        list: Option<Vec<u8>>,
        whole: Option<u64>,
        small: Option<i32>,
        number: Option<f64>,
        id: Option<uuid::Uuid>,
        choice: Option<Choice>,
        map: Option<BTreeMap<String, String>>,
        needed: u8,
    }

    fn german(body: &str) -> String {
        let error = serde_json::from_str::<Everything>(body).expect_err("must not fit");
        Misfit::read(&error.to_string()).text(Language::German)
    }

    #[test]
    fn what_serde_says_is_said_in_german() {
        for (body, said) in [
            (r#"{}"#, "Die Angabe „needed“ fehlt."),
            (r#"{"needed": 1, "needed": 2}"#, "Die Angabe „needed“ steht mehrmals da."),
            (
                r#"{"needed": 1, "mehr": 2}"#,
                "Die Angabe „mehr“ gibt es hier nicht. Möglich sind: text, flag, list, whole, small, number, id, choice, map, needed.",
            ),
            (r#"{"choice": "drei"}"#, "Möglich sind: one, two."),
            (r#"{"text": 1}"#, "Erwartet wird ein Text."),
            (r#"{"flag": "ja"}"#, "Erwartet wird „true“ oder „false“."),
            (r#"{"list": {}}"#, "Erwartet wird eine Liste."),
            (r#"{"list": [-1]}"#, "Erwartet wird eine ganze Zahl im erlaubten Bereich."),
            (r#"{"whole": "eins"}"#, "Erwartet wird eine ganze Zahl im erlaubten Bereich."),
            (r#"{"whole": 1.5}"#, "Erwartet wird eine ganze Zahl im erlaubten Bereich."),
            (r#"{"small": 99999999999}"#, "Erwartet wird eine ganze Zahl im erlaubten Bereich."),
            (r#"{"number": "viel"}"#, "Erwartet wird eine Zahl."),
            (r#"{"id": 7}"#, "Erwartet wird eine Kennung (UUID)."),
            (r#"{"map": 7}"#, "Erwartet wird ein Objekt."),
        ] {
            assert_eq!(german(body), said, "{body}");
        }
        // serde's own words never come through.
        assert_eq!(german(r#"{"id": "keine"}"#), "Erwartet wird eine Kennung (UUID).");
        let time = serde_json::from_str::<crate::door::Time>("\"morgen\"").expect_err("no time");
        let said = Misfit::read(&time.to_string()).text(Language::German);
        assert!(said.contains("2027-01-31T12:00:00Z"), "{time}: {said}");
        let own = Misfit::read("whatever somebody may say, expected nothing");
        assert_eq!(own.text(Language::English), "This does not fit here.");
    }
}
