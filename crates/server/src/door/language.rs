//! The language of a text for people: German unless the caller prefers English.

use std::borrow::Cow;

use app::Language;
use http::{HeaderMap, header::ACCEPT_LANGUAGE};

/// The better of our two languages for `Accept-Language` (RFC 9110, section 12.5.4); German if
/// neither or both alike are named.
pub(crate) fn preferred(headers: &HeaderMap) -> Language {
    let value = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let (mut german, mut english) = (0.0_f32, 0.0_f32);
    for range in value.unwrap_or_default().split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        match tag.split('-').next() {
            Some("de") => german = german.max(weight),
            Some("en") => english = english.max(weight),
            _ => {}
        }
    }
    if english > german { Language::English } else { Language::German }
}

/// The tag for `Content-Language`.
pub(crate) const fn tag(language: Language) -> &'static str {
    match language {
        Language::German => "de",
        Language::English => "en",
    }
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bilingual {
    pub de: Cow<'static, str>,
    pub en: Cow<'static, str>,
}

impl Bilingual {
    pub fn new(de: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        Self { de: de.into(), en: en.into() }
    }

    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::German => &self.de,
            Language::English => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn german_unless_english_is_preferred() {
        let cases = [
            (None, Language::German),
            (Some("en"), Language::English),
            (Some("en-GB,en;q=0.9,de;q=0.8"), Language::English),
            (Some("de,en;q=0.9"), Language::German),
            (Some("fr, de-AT;q=0.5, en;q=0.4"), Language::German),
            (Some("fr"), Language::German),
            (Some("en;q=x, *"), Language::English),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(ACCEPT_LANGUAGE, value.parse().expect("a header value"));
            }
            assert_eq!(preferred(&headers), expected, "{value:?}");
        }
    }
}
