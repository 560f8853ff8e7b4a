//! Words for people, from the message files: German first, English second.
//!
//! Knows no HTTP; which language somebody reads is decided at the door.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

/// A language that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// German.
    #[default]
    German,
    /// English.
    English,
}

type Texts = HashMap<String, String>;

static GERMAN: LazyLock<Texts> = LazyLock::new(|| parse(include_str!("../messages/de.json")));
static ENGLISH: LazyLock<Texts> = LazyLock::new(|| parse(include_str!("../messages/en.json")));

fn parse(file: &str) -> Texts {
    serde_json::from_str(file).expect("the message files are checked by a test")
}

/// Returns the text for `code` with `{placeholders}` filled in. A value whose text is itself a code
/// of the files (a data class, say) is put in by its wording.
#[must_use]
pub fn wording(language: Language, code: &str, values: &[(&str, String)]) -> String {
    let texts = match language {
        Language::German => &GERMAN,
        Language::English => &ENGLISH,
    };
    // Where the values are not known any more, a text that needs none.
    let plain = values.is_empty().then(|| texts.get(&format!("{code}_plain"))).flatten();
    let known = plain.or_else(|| texts.get(code)).or_else(|| texts.get("internal"));
    let mut text = known.cloned().unwrap_or_default();
    for (name, value) in values {
        let value = worded(texts, name, value);
        text = text.replace(&format!("{{{name}}}"), &value);
    }
    text
}

/// A value as people read it: classes and kinds of personal data have words of their own.
fn worded<'v>(texts: &'v Texts, name: &str, value: &'v str) -> Cow<'v, str> {
    match name {
        "class" | "clearance" => {
            texts.get(&format!("class_{value}")).map_or(value.into(), |word| word.as_str().into())
        }
        "bound" => {
            texts.get(&format!("bound_{value}")).map_or(value.into(), |word| word.as_str().into())
        }
        "kinds" => {
            let word = |code: &'v str| {
                texts.get(&format!("kind_{code}")).map_or(code, |word| word.as_str())
            };
            value.split(", ").map(word).collect::<Vec<_>>().join(", ").into()
        }
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn both_languages_have_the_same_texts_and_placeholders() {
        assert!(GERMAN.len() > 50);
        for (code, german) in GERMAN.iter() {
            let english = ENGLISH.get(code).unwrap_or_else(|| panic!("{code} is not in English"));
            assert_eq!(placeholders(german), placeholders(english), "{code}");
        }
        assert_eq!(GERMAN.len(), ENGLISH.len());
    }

    #[test]
    fn values_are_filled_in_by_their_wording() {
        let values = [
            ("class", "personal".to_owned()),
            ("model", "gross".to_owned()),
            ("clearance", "open".to_owned()),
            ("allowed", "klein".to_owned()),
        ];
        assert_eq!(
            wording(Language::German, "clearance_too_low", &values[..]),
            "Die Daten sind „personenbezogen“, das Modell „gross“ ist nur bis „offen“ freigegeben. \
             Möglich wären: klein."
        );
    }
}
