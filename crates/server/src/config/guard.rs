//! Settings of protection: `[guard]`.

use std::collections::BTreeMap;

use app::{GuardAction, GuardCheck, GuardPolicy, PersonalDataKind as Kind, PlaceRules};

use super::{
    check::{as_text, mistake_at, text, whole},
    mistake::Mistake,
    raw::Raw,
};

/// Most characters of a topic; more is a text, not a phrase.
const TOPIC_CHARS_MAX: usize = 200;

pub(super) fn policy(raw: &Raw, mistakes: &mut Vec<Mistake>) -> GuardPolicy {
    let mut place = |name: &str| {
        let path = format!("guard.{name}");
        let given = raw.values.get(&path);
        let line = given.and_then(as_text).unwrap_or_default();
        place_rules(&line).unwrap_or_else(|problem| {
            mistakes.extend(given.map(|given| mistake_at(given, &path, problem)));
            PlaceRules::all(GuardAction::Off, GuardAction::Off)
        })
    };
    let (own, germany) = (place("own"), place("germany"));
    let (eu, elsewhere) = (place("eu"), place("elsewhere"));
    GuardPolicy {
        own,
        germany,
        eu,
        elsewhere,
        injection: check_of(raw, "guard.injection"),
        injection_score_min: f32::from(
            u8::try_from(whole(raw, "guard.injection_percent")).unwrap_or(100),
        ) / 100.0,
        topics: topics(raw, mistakes),
        topics_check: check_of(raw, "guard.topics_action"),
    }
}

fn check_of(raw: &Raw, path: &str) -> GuardCheck {
    match text(raw, path).as_deref() {
        Some("report") => GuardCheck::Report,
        Some("refuse") => GuardCheck::Refuse,
        _ => GuardCheck::Off,
    }
}

/// Reads `pseudonymise, iban = mask, secret = refuse`: first what is done about all personal data,
/// then exceptions.
fn place_rules(line: &str) -> Result<PlaceRules, String> {
    let mut words = line.split(',').map(str::trim);
    let personal = action(words.next().unwrap_or_default())?;
    let secret = if personal == GuardAction::Off { personal } else { GuardAction::Mask };
    let mut rules = PlaceRules::all(personal, secret);
    let mut kinds = BTreeMap::new();
    for word in words {
        let (code, wanted) = word
            .split_once('=')
            .ok_or_else(|| format!("{word:?} must be KIND = ACTION, e.g. iban = mask"))?;
        let kind = Kind::from_code(code.trim()).ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.code()).collect();
            format!("{:?} is no kind; known are {}", code.trim(), known.join(", "))
        })?;
        let wanted = action(wanted.trim())?;
        if kind == Kind::Secret {
            rules.secret = secret_action(wanted)?;
        } else if kinds.insert(kind, wanted).is_some() {
            return Err(format!("{:?} is given twice", kind.code()));
        }
    }
    rules.kinds = kinds;
    Ok(rules)
}

fn action(word: &str) -> Result<GuardAction, String> {
    GuardAction::from_code(word).ok_or_else(|| {
        let known: Vec<&str> = GuardAction::ALL.iter().map(|action| action.code()).collect();
        format!("{word:?} is not one of {}", known.join(", "))
    })
}

/// A secret that came back in an answer would be one no longer, and no class makes it fit to travel.
fn secret_action(wanted: GuardAction) -> Result<GuardAction, String> {
    match wanted {
        GuardAction::Pseudonymise | GuardAction::RaiseClass => {
            Err("secret can be off, report, mask or refuse".to_owned())
        }
        wanted => Ok(wanted),
    }
}

fn topics(raw: &Raw, mistakes: &mut Vec<Mistake>) -> Vec<String> {
    let words = list(raw, "guard.topics");
    if words.iter().any(|word| word.is_empty() || word.chars().count() > TOPIC_CHARS_MAX) {
        let text = "must be words or phrases, joined by commas, of at most 200 characters each";
        mistakes.extend(
            raw.values.get("guard.topics").map(|given| mistake_at(given, "guard.topics", text)),
        );
    }
    words
}

fn list(raw: &Raw, path: &str) -> Vec<String> {
    let Some(words) = text(raw, path) else { return vec![] };
    words.split(',').map(|word| word.trim().to_owned()).collect()
}
