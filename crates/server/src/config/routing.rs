//! Settings that decide which route a request takes.

use std::time::Duration;

use domain::Place;
use gateway::{
    AUTO_MODEL, Abilities, AutoChoice, HealthCheck, Hedging, Kind, Offer, Offers, Policy,
    QueueLimits,
};
use llm::Dialect;

use super::{
    BUILT_IN_MODEL, Environment,
    check::{Checker, as_text, entry_seconds, entry_text, entry_whole},
    declaration::{AUTO, MODELS, ROUTES},
    mistake::{Mistake, Origin},
    raw::{Raw, RawTable, Value},
};

/// Where OpenAI itself is.
const OPENAI_HOST: &str = "api.openai.com";

/// The longest wait before a second attempt.
const HEDGE_MILLIS_MAX: u64 = 600_000;

pub(super) fn policy(model: &RawTable) -> Policy {
    entry_text(model, "policy").and_then(|code| Policy::from_code(&code)).unwrap_or_default()
}

pub(super) fn queue(model: &RawTable) -> QueueLimits {
    let length = entry_whole(model, "queue_length");
    QueueLimits {
        length_max: usize::try_from(length).unwrap_or(usize::MAX),
        wait_max: entry_seconds(model, "queue_seconds"),
    }
}

/// The rank of the route at this place of the list, counted from one.
pub(super) fn rank(route: &RawTable, policy: Policy, at: u32) -> u32 {
    let given = route.values.get("order").map(|given| &given.value);
    match (given, policy) {
        (Some(Value::Whole(rank)), _) => u32::try_from(*rank).unwrap_or(u32::MAX),
        (_, Policy::Order) => at,
        _ => 1,
    }
}

/// A number of tokens, if there is one.
pub(super) fn tokens(table: &RawTable, name: &str) -> Option<u64> {
    match table.values.get(name).map(|given| &given.value) {
        Some(Value::Whole(tokens)) => Some(*tokens),
        _ => None,
    }
}

/// What a route's kind and address say about its server. `openai` has always stood for any server
/// that speaks OpenAI, so only OpenAI's own address makes it OpenAI.
pub(super) fn dialect(kind: &str, base_url: Option<&url::Url>) -> Dialect {
    let is_openai = base_url.is_some_and(|url| url.host_str() == Some(OPENAI_HOST));
    match kind.parse() {
        Ok(Dialect::OpenAi) if !is_openai => Dialect::Compatible,
        Ok(dialect) => dialect,
        Err(_) => Dialect::Compatible,
    }
}

impl Checker<'_> {
    pub(super) fn hedging(&mut self, model: &RawTable) -> Hedging {
        let word = entry_text(model, "hedge").unwrap_or_default();
        let millis = || word.parse().ok().filter(|millis| (1..=HEDGE_MILLIS_MAX).contains(millis));
        match word.as_str() {
            "off" => Hedging::Off,
            "p95" => Hedging::SlowerThanMost,
            _ => match millis() {
                Some(millis) => Hedging::After(Duration::from_millis(millis)),
                None => {
                    let text =
                        format!("must be off, p95 or milliseconds from 1 to {HEDGE_MILLIS_MAX}");
                    self.at_value(model, MODELS, "hedge", text);
                    Hedging::Off
                }
            },
        }
    }

    /// What runs inside is where Fachwerk is, whatever somebody writes.
    pub(super) fn place(&mut self, table: &RawTable, code: &str, inside: bool) -> Option<Place> {
        let place = code.parse().ok()?;
        if inside && place != Place::Own {
            let text = "runs inside Fachwerk, so its place is own: leave it out".to_owned();
            self.at_value(table, ROUTES, "place", text);
        }
        Some(place)
    }

    /// A mistake of a route at a value, or at its table if nobody gave the value.
    fn at_given(&mut self, table: &RawTable, name: &str, text: String) {
        let given = table.values.get(name).map(|value| &value.origin);
        match given {
            None | Some(Origin::BuiltIn) => self.at_table(table, ROUTES, name, &text),
            Some(_) => self.at_value(table, ROUTES, name, text),
        }
    }

    /// What a route is there for, as far as servers of its dialect can be.
    pub(super) fn offers(&mut self, table: &RawTable, dialect: Option<Dialect>) -> Offers {
        let words = entry_text(table, "offers").unwrap_or_default();
        let offers: Option<Vec<Offer>> =
            words.split(',').map(|word| Offer::from_code(word.trim())).collect();
        if let Some(offers) = offers {
            let fits = |offer: &Offer| dialect.is_none_or(|dialect| offer.fits(dialect));
            let (can, cannot): (Vec<_>, Vec<_>) = offers.into_iter().partition(fits);
            if let Some(dialect) = dialect
                && !cannot.is_empty()
            {
                let cannot: Vec<&str> = cannot.into_iter().map(Offer::code).collect();
                let cannot = cannot.join(", ");
                self.at_given(table, "offers", format!("{dialect} has no {cannot}"));
            }
            return Offers::of(can);
        }
        let known = Offer::ALL.map(Offer::code).join(", ");
        self.at_value(table, ROUTES, "offers", format!("must be of {known}, joined by commas"));
        Offers::default()
    }

    pub(super) fn abilities(&mut self, table: &RawTable) -> Abilities {
        let Some(words) = entry_text(table, "abilities") else { return Abilities::ALL };
        let mut abilities = Abilities { tools: false, images: false, structured: false };
        if words.trim() == "none" {
            return abilities;
        }
        for word in words.split(',').map(str::trim) {
            match word {
                "tools" => abilities.tools = true,
                "images" => abilities.images = true,
                "structured" => abilities.structured = true,
                _ => {
                    let text = "must be tools, images, structured, joined by commas, or none";
                    self.at_value(table, ROUTES, "abilities", text.to_owned());
                    break;
                }
            }
        }
        abilities
    }

    pub(super) fn health_check(&mut self, table: &RawTable) -> Option<HealthCheck> {
        let path = entry_text(table, "health_path")?;
        let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_path || path.contains(['?', '#']) {
            let text = "must be a path such as /health, from the root of the host".to_owned();
            self.at_value(table, ROUTES, "health_path", text);
            return None;
        }
        Some(HealthCheck { path, interval: entry_seconds(table, "health_seconds") })
    }
}

/// The lines behind the name `auto`.
pub(super) fn auto(raw: &Raw, mistakes: &mut Vec<Mistake>) -> Vec<AutoChoice> {
    let environment = Environment::default();
    let mut checker = Checker { file_name: &raw.file_name, environment: &environment, mistakes };
    let name_of = |model: &RawTable| model.values.get("name").and_then(as_text);
    let is_model = |name: &str| {
        name == BUILT_IN_MODEL
            || raw.models.iter().any(|model| name_of(&model.table).as_deref() == Some(name))
    };
    let clash = raw.models.iter().find(|m| name_of(&m.table).as_deref() == Some(AUTO_MODEL));
    if let (Some(model), false) = (clash, raw.auto.is_empty()) {
        let text = "\"auto\" stands for the choice in [[auto]]: give the model another name";
        checker.at_value(&model.table, MODELS, "name", text.to_owned());
    }
    let mut lines = Vec::new();
    for table in &raw.auto {
        let Some(model) = entry_text(table, "model") else {
            let _: Option<()> = checker.required(table, AUTO, "model");
            continue;
        };
        if !is_model(&model) {
            checker.at_value(table, AUTO, "model", format!("no model is named {model:?}"));
        }
        lines.push(AutoChoice {
            model,
            class_max: entry_text(table, "class_max").and_then(|code| code.parse().ok()),
            tokens_max: tokens(table, "tokens_max"),
            kind: entry_text(table, "task").and_then(|code| Kind::from_code(&code)),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::declaration::ROUTE_KINDS;

    #[test]
    fn a_route_may_be_of_any_dialect() {
        let mut known = Dialect::ALL.map(Dialect::code).to_vec();
        known.extend(["builtin", "local"]);
        known.sort_unstable();
        let mut kinds = ROUTE_KINDS.to_vec();
        kinds.sort_unstable();
        assert_eq!(kinds, known);
    }

    #[test]
    fn only_openais_own_address_is_openai() {
        let at = |address: &str| dialect("openai", Some(&address.parse().unwrap()));
        assert_eq!(at("https://api.openai.com/v1"), Dialect::OpenAi);
        assert_eq!(at("http://127.0.0.1:8000/v1"), Dialect::Compatible);
        assert_eq!(dialect("anthropic", None), Dialect::Anthropic);
    }
}
