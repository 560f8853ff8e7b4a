//! Settings of protection: `[guard]`, and `[[guards]]` where something else holds.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use app::{
    AnswerPolicy, ExternalPolicy, GuardAction, GuardCheck, GuardMeasure, GuardPolicy, GuardScope,
    OnFailure, PersonalDataKind as Kind, PlaceRules, StructureCheck,
};
use gateway::Offer;

use super::{
    BUILT_IN_MODEL, ModelSettings,
    check::{as_text, entry_text, mistake_at},
    declaration::GUARDS,
    mistake::Mistake,
    raw::{Given, Raw, RawTable, Value},
};

/// Most characters of a topic; more is a text, not a phrase.
const TOPIC_CHARS_MAX: usize = 200;

/// Where a policy is read from: a table of `[[guards]]` before `[guard]`, or that alone.
struct Source<'r> {
    raw: &'r Raw,
    models: &'r [ModelSettings],
    table: Option<&'r RawTable>,
}

impl Source<'_> {
    fn given(&self, name: &str) -> Option<&Given> {
        let own = self.table.and_then(|table| table.values.get(name));
        own.or_else(|| self.raw.values.get(&format!("guard.{name}")))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.given(name).and_then(as_text)
    }

    fn percent(&self, name: &str) -> f32 {
        match self.given(name).map(|given| &given.value) {
            Some(Value::Whole(number)) => f32::from(u8::try_from(*number).unwrap_or(100)) / 100.0,
            _ => 1.0,
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let Some(words) = self.text(name) else { return vec![] };
        words.split(',').map(|word| word.trim().to_owned()).collect()
    }

    /// A mistake in a value; what is inherited was told where it stands.
    fn mistake(&self, name: &str, text: impl Into<String>) -> Option<Mistake> {
        let Some(table) = self.table else {
            let path = format!("guard.{name}");
            return self.raw.values.get(&path).map(|given| mistake_at(given, &path, text));
        };
        let given = table.values.get(name)?;
        Some(mistake_at(given, &format!("{GUARDS}.{name}"), text))
    }

    fn policy(&self, mistakes: &mut Vec<Mistake>) -> GuardPolicy {
        let mut place = |name: &str| {
            let line = self.text(name).unwrap_or_default();
            place_rules(&line).unwrap_or_else(|problem| {
                mistakes.extend(self.mistake(name, problem));
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
            injection: self.check("injection"),
            jailbreak: self.check("jailbreak"),
            injection_score_min: self.percent("injection_percent"),
            topics: self.topics(mistakes),
            topics_check: self.check("topics_action"),
            answers: AnswerPolicy {
                links: self.measure("answer_links"),
                links_allowed: self.hosts(mistakes),
                prompt_leak: self.measure("answer_prompt"),
                toxicity: self.measure("answer_abuse"),
                code: self.measure("answer_code"),
                structure: match self.text("answer_schema").as_deref() {
                    Some("report") => StructureCheck::Report,
                    Some("repair") => StructureCheck::Repair,
                    Some("refuse") => StructureCheck::Refuse,
                    _ => StructureCheck::Off,
                },
            },
            external: self.external(mistakes),
        }
    }

    /// A name nobody has would leave unprotected what somebody meant to protect.
    fn external(&self, mistakes: &mut Vec<Mistake>) -> Option<Arc<ExternalPolicy>> {
        let (input, output) = (self.check("external_input"), self.measure("external_answers"));
        let Some(model) = self.text("external_model") else {
            let asks = [("external_input", input != GuardCheck::Off)];
            let asks = asks.into_iter().chain([("external_answers", output != GuardMeasure::Off)]);
            for (name, _) in asks.filter(|(_, asks)| *asks) {
                mistakes
                    .extend(self.mistake(name, "needs external_model, which says who is asked"));
            }
            return None;
        };
        let offers = |one: &&ModelSettings| {
            one.name == model && one.routes.iter().any(|route| route.offers.has(Offer::Moderations))
        };
        if !self.models.iter().any(|one| offers(&one)) {
            let text =
                "must be a model of this file with a route that has offers = \"moderations\"";
            mistakes.extend(self.mistake("external_model", text));
        }
        let on_failure = match self.text("external_failure").as_deref() {
            Some("pass") => OnFailure::Pass,
            _ => OnFailure::Refuse,
        };
        let timeout = match self.given("external_timeout_ms").map(|given| &given.value) {
            Some(Value::Whole(number)) => Duration::from_millis(*number),
            _ => Duration::ZERO,
        };
        Some(Arc::new(ExternalPolicy { model, input, output, on_failure, timeout }))
    }

    fn check(&self, name: &str) -> GuardCheck {
        match self.text(name).as_deref() {
            Some("report") => GuardCheck::Report,
            Some("refuse") => GuardCheck::Refuse,
            _ => GuardCheck::Off,
        }
    }

    fn measure(&self, name: &str) -> GuardMeasure {
        match self.text(name).as_deref() {
            Some("report") => GuardMeasure::Report,
            Some("remove") => GuardMeasure::Remove,
            Some("stop") => GuardMeasure::Stop,
            _ => GuardMeasure::Off,
        }
    }

    fn topics(&self, mistakes: &mut Vec<Mistake>) -> Vec<String> {
        let words = self.list("topics");
        if words.iter().any(|word| word.is_empty() || word.chars().count() > TOPIC_CHARS_MAX) {
            let text = "must be words or phrases, joined by commas, of at most 200 characters each";
            mistakes.extend(self.mistake("topics", text));
        }
        words
    }

    fn hosts(&self, mistakes: &mut Vec<Mistake>) -> Vec<String> {
        let hosts = self.list("answer_links_allowed");
        let is_host = |host: &String| {
            let known = |letter: char| letter.is_alphanumeric() || ".-".contains(letter);
            !host.is_empty() && host.len() <= 253 && host.chars().all(known)
        };
        if !hosts.iter().all(is_host) {
            let text = "must be names of hosts, joined by commas, without https:// and path";
            mistakes.extend(self.mistake("answer_links_allowed", text));
        }
        hosts
    }
}

/// What holds in general.
pub(super) fn policy(
    raw: &Raw,
    models: &[ModelSettings],
    mistakes: &mut Vec<Mistake>,
) -> GuardPolicy {
    Source { raw, models, table: None }.policy(mistakes)
}

/// Where something else holds.
pub(super) fn exceptions(
    raw: &Raw,
    models: &[ModelSettings],
    mistakes: &mut Vec<Mistake>,
) -> Vec<(GuardScope, GuardPolicy)> {
    let mut exceptions = vec![];
    for table in &raw.guards {
        let source = Source { raw, models, table: Some(table) };
        let scope = scope(&source, table, mistakes);
        exceptions.push((scope, source.policy(mistakes)));
    }
    exceptions
}

/// A name nobody has would leave unprotected what somebody meant to protect.
fn scope(source: &Source<'_>, table: &RawTable, mistakes: &mut Vec<Mistake>) -> GuardScope {
    let models = source.models;
    let tenant = entry_text(table, "tenant").and_then(|id| {
        let parsed = id.parse().ok();
        if parsed.is_none() {
            mistakes.extend(source.mistake("tenant", "is not the id of an authority"));
        }
        parsed
    });
    let model = entry_text(table, "model");
    let is_model = |name: &str| name == BUILT_IN_MODEL || models.iter().any(|one| one.name == name);
    if model.as_deref().is_some_and(|name| !is_model(name)) {
        mistakes.extend(source.mistake("model", "is the name of no model"));
    }
    let route = entry_text(table, "route");
    let Some(named) = route.as_deref() else { return GuardScope { tenant, model, route } };
    // With its model: administrators name the routes of theirs as they like.
    let owner = owner_of(named, models);
    if owner.is_none() || model.is_some() && model != owner {
        let text = "is the name of no route, such as standard-1, or of another model's";
        mistakes.extend(source.mistake("route", text));
    }
    GuardScope { tenant, model: owner, route }
}

/// The model of this file that has a route of this name.
fn owner_of(route: &str, models: &[ModelSettings]) -> Option<String> {
    if route == BUILT_IN_MODEL {
        return Some(route.to_owned());
    }
    let has = |one: &&ModelSettings| {
        (1..=one.routes.len()).any(|number| route == format!("{}-{number}", one.name))
    };
    models.iter().find(has).map(|one| one.name.clone())
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
