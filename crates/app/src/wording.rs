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
    let known = match texts.get(code) {
        // Where the values are not known any more, a text that needs none.
        Some(text) if values.is_empty() && text.contains('{') => {
            texts.get(&format!("{code}_plain")).or_else(|| texts.get("plain"))
        }
        known => known.or_else(|| texts.get("internal")),
    };
    let mut text = known.cloned().unwrap_or_default();
    for (name, value) in values {
        let value = worded((language, texts), name, value);
        text = text.replace(&format!("{{{name}}}"), &value);
    }
    text
}

/// A value as people read it: classes, kinds of personal data and the like have words of their own,
/// money has its marks.
fn worded<'v>(
    (language, texts): (Language, &'v Texts),
    name: &str,
    value: &'v str,
) -> Cow<'v, str> {
    let word = |family: &str, code: &'v str| {
        texts.get(&format!("{family}_{code}")).map_or(code, |word| word.as_str())
    };
    match name {
        "class" | "clearance" => word("class", value).into(),
        "bound" => word("bound", value).into(),
        "reason" => word("cannot", value).into(),
        "kinds" => {
            value.split(", ").map(|code| word("kind", code)).collect::<Vec<_>>().join(", ").into()
        }
        "available" => listed(texts, value).into(),
        "euro" => value.parse().map_or(value.into(), |amount| euro(language, amount).into()),
        _ => value.into(),
    }
}

/// Most names in a sentence, or one more; the others are counted.
const NAMES_MAX: usize = 10;

/// Names with commas between them, as people read them.
fn listed(texts: &Texts, names: &str) -> String {
    if names.is_empty() {
        return texts.get("names_none").cloned().unwrap_or_default();
    }
    let names: Vec<&str> = names.split(", ").collect();
    // One more is named: that takes no more room than to say so.
    let Some(others @ 2..) = names.len().checked_sub(NAMES_MAX) else { return names.join(", ") };
    let others = texts.get("names_more").map(|text| text.replace("{count}", &others.to_string()));
    format!("{} {}", names[..NAMES_MAX].join(", "), others.unwrap_or_default())
}

/// Micro-euro in euro: with cents, below a cent with all places there are.
fn euro(language: Language, micro_euro: u64) -> String {
    let (whole, rest) = (micro_euro / 1_000_000, micro_euro % 1_000_000);
    let places = format!("{rest:06}");
    let places =
        if rest.is_multiple_of(10_000) { &places[..2] } else { places.trim_end_matches('0') };
    let mark = match language {
        Language::German => ',',
        Language::English => '.',
    };
    format!("{whole}{mark}{places}")
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn money_has_cents_and_below_them_what_there_is() {
        for (micro, german) in [
            (0, "0,00"),
            (50_000, "0,05"),
            (12_340_000, "12,34"),
            (1_500, "0,0015"),
            (1, "0,000001"),
        ] {
            assert_eq!(euro(Language::German, micro), german);
        }
        assert_eq!(euro(Language::English, 50_000), "0.05");
    }

    #[test]
    fn a_long_list_of_names_is_cut_and_counted() {
        let said = |language, names: usize| {
            let names: Vec<_> = (0..names).map(|number| format!("m{number}")).collect();
            let values = [("model", "x".to_owned()), ("available", names.join(", "))];
            wording(language, "model_unknown", &values)
        };
        assert!(said(Language::German, 0).ends_with("Verfügbar sind: keine."));
        assert!(said(Language::German, 2).ends_with("Verfügbar sind: m0, m1."));
        assert!(said(Language::German, 10).ends_with("m8, m9."));
        assert!(said(Language::German, 11).ends_with("m9, m10."));
        assert!(said(Language::German, 12).ends_with("m8, m9 und 2 weitere."));
        assert!(said(Language::English, 300).ends_with("m8, m9 and 290 more."));
    }

    #[test]
    fn every_lasting_reason_against_a_model_has_words() {
        use gateway::Reason;
        for reason in [
            Reason::NotOffered,
            Reason::Untranslatable,
            Reason::NoTools,
            Reason::NoImages,
            Reason::NoStructure,
        ] {
            let code = format!("cannot_{}", reason.code());
            assert!(GERMAN.contains_key(&code), "{code}");
        }
    }

    /// Of an answer that broke off only the code is kept.
    #[test]
    fn what_ends_an_answer_can_be_told_without_values() {
        for code in [
            "limit_requests",
            "limit_tokens",
            "limit_concurrent",
            "limit_context",
            "budget_tokens",
            "budget_cost",
            "budget_route",
            "clearance_too_low",
            "clearance_none",
            "clearance_raised",
            "guard_refused",
            "model_unknown",
            "model_unsuited",
            "model_not_granted",
            "model_out_of_service",
            "models_none",
            "place_not_allowed",
            "context_too_long",
            "upstream_refused",
            "upstream_rate_limited",
            "unsupported_parameter",
            "invalid_value",
        ] {
            let text = wording(Language::German, code, &[]);
            assert!(!text.contains('{') && text != GERMAN["internal"], "{code}: {text}");
        }
    }

    #[test]
    fn no_text_is_told_with_its_gaps() {
        for code in GERMAN.keys() {
            let text = wording(Language::German, code, &[]);
            assert!(!text.is_empty() && !text.contains('{'), "{code}: {text}");
        }
    }

    /// Texts whose names are put together from one of these and a code.
    const FAMILIES: [&str; 7] =
        ["bound_", "cannot_", "class_", "kind_", "place_", "reason_", "usage_by_"];

    /// All names in quotation marks in our sources.
    fn names_in_use() -> HashSet<String> {
        let mut names = HashSet::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("tests") {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let text = fs::read_to_string(path).unwrap();
                    names.extend(text.split('"').map(ToOwned::to_owned));
                }
            }
        }
        names
    }

    #[test]
    fn every_text_is_used() {
        let names = names_in_use();
        for code in GERMAN.keys() {
            let of_family = FAMILIES.iter().find_map(|family| code.strip_prefix(family));
            let is_used = [Some(code.as_str()), code.strip_suffix("_plain"), of_family]
                .into_iter()
                .flatten()
                .any(|name| names.contains(name));
            assert!(is_used, "nobody says {code}");
        }
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
