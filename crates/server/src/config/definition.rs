//! Models that are defined outside the file: read by the rules of the file, and written in its words.

use std::time::Duration;

use ::gateway::{Abilities, Hedging, Offer, Tokenizer};
use app::{DefinitionFault, Error};
use serde_json::{Map, Value, json};

use super::{
    Environment, ModelSettings, Overrides, RouteKind, RouteSettings,
    check::check_definition,
    declaration::{Kind, keys},
    mistake::{Mistake, Origin},
    prices,
    raw::Raw,
};

/// What a mistake's place is called before it is known.
const FILE: &str = "definition";

/// Reads a definition as if it stood in the file. What is wrong comes with its place in the
/// definition, e.g. `routes.0.base_url`, and in the words of the message files.
pub(crate) fn read(definition: &Value) -> Result<ModelSettings, Vec<DefinitionFault>> {
    let mut definition = definition.clone();
    drop_nulls(&mut definition);
    let text = toml::to_string(&json!({ "models": [definition] })).map_err(|error| {
        let reason = Error::invalid("model_unfit").caused_by(error);
        vec![DefinitionFault { field: String::new(), reason }]
    })?;
    let raw = Raw::read(Some((FILE, &text)), &Environment::default(), &Overrides::default());
    let misshapen = raw.mistakes.len();
    check_definition(raw).map_err(|mistakes| {
        let fault = |(at, mistake): (usize, &Mistake)| {
            let field = place_of(mistake, &text);
            let reason = match is_blank(&definition, &field) {
                true if field == "routes" => Error::invalid("model_routes_missing"),
                true => Error::invalid("model_field_missing"),
                false if at < misshapen => ill_formed(&mistake.key),
                false => unfit(&mistake.key),
            };
            DefinitionFault { field, reason }
        };
        mistakes.iter().enumerate().map(fault).collect()
    })
}

/// Whether a definition says nothing at this place.
fn is_blank(definition: &Value, place: &str) -> bool {
    match definition.pointer(&format!("/{}", place.replace('.', "/"))) {
        None => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// Says of which form a setting must be.
fn ill_formed(path: &str) -> Error {
    let Some(key) = keys().find(|key| key.path() == path) else {
        return Error::invalid("model_field_unknown");
    };
    match key.kind {
        Kind::Whole { min, max } => {
            Error::invalid("model_field_whole").with("min", min).with("max", max)
        }
        Kind::Price | Kind::WattHours => Error::invalid("model_field_amount"),
        Kind::Url => Error::invalid("model_field_url"),
        Kind::Choice(words) => Error::invalid("model_field_choice").with("words", words.join(", ")),
        _ => Error::invalid("model_field_form").with("example", key.example),
    }
}

/// Says why a setting cannot stay although its form is right.
fn unfit(path: &str) -> Error {
    let key = keys().find(|key| key.path() == path);
    match key.filter(|key| key.kind == Kind::Text) {
        Some(key) if key.name == "name" => Error::invalid("model_field_name"),
        Some(key) => Error::invalid("model_field_form").with("example", key.example),
        None => Error::invalid("model_field_misplaced"),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// From the line of the text that was checked to the place in the definition.
fn place_of(mistake: &Mistake, text: &str) -> String {
    let key = mistake.key.strip_prefix("models.").unwrap_or(&mistake.key);
    let Some(field) = key.strip_prefix("routes.") else { return key.to_owned() };
    let line = match &mistake.origin {
        Origin::File { line, .. } => *line,
        _ => usize::MAX,
    };
    let before = text.lines().take(line).filter(|line| *line == "[[models.routes]]").count();
    format!("routes.{}.{field}", before.saturating_sub(1))
}

/// Writes a model of the file in the file's words, without anything that may be a key.
pub(crate) fn write(model: &ModelSettings) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(model.name));
    for (name, text) in [("purpose", &model.purpose), ("description", &model.description)] {
        if !text.is_empty() {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    fields.insert("policy".to_owned(), json!(model.policy.code()));
    fields.insert("queue_length".to_owned(), json!(model.queue.length_max));
    fields.insert("queue_seconds".to_owned(), json!(model.queue.wait_max.as_secs()));
    let hedge = match model.hedging {
        Hedging::Off => "off".to_owned(),
        Hedging::SlowerThanMost => "p95".to_owned(),
        Hedging::After(delay) => delay.as_millis().to_string(),
    };
    fields.insert("hedge".to_owned(), json!(hedge));
    if let Some(cheaper) = &model.cheaper {
        fields.insert("cheaper".to_owned(), json!(cheaper));
    }
    let routes = model.routes.iter().enumerate();
    let routes = routes.map(|(at, route)| write_route(&route.name_in(&model.name, at), route));
    fields.insert("routes".to_owned(), routes.collect());
    Value::Object(fields)
}

fn write_route(name: &str, route: &RouteSettings) -> Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
    let offered = Offer::ALL.into_iter().filter(|offer| route.offers.has(*offer));
    let offers: Vec<&str> = offered.map(Offer::code).collect();
    let timeouts = route.timeouts;
    let mut value = json!({
        "name": name,
        "kind": "builtin",
        "place": route.place.code(),
        "clearance": route.clearance.code(),
        "order": route.rank,
        "weight": route.weight,
        "offers": offers.join(", "),
        "abilities": abilities(route.abilities),
        "context_tokens": route.context_tokens,
        "answer_tokens": route.answer_tokens,
        "health_path": route.health_check.as_ref().map(|check| &check.path),
        "health_seconds": route.health_check.as_ref().map(|check| check.interval.as_secs()),
        "energy_wh_per_1000_tokens": route.energy_mwh.map(|mwh| mwh as f64 / 1_000.0),
        "first_byte_seconds": timeouts.first_byte.as_secs(),
        "idle_seconds": timeouts.idle.as_secs(),
        "total_seconds": timeouts.total.as_secs(),
        "concurrency": route.concurrency,
        "attempts": route.care.attempts,
        "breaker_failures": route.care.failures_in_a_row,
        "breaker_open_seconds": seconds(route.care.open_first),
        "slow_start_seconds": seconds(route.care.slow_start),
    });
    if let RouteKind::Server(server) = &route.kind {
        let mut address = server.base_url.clone();
        // A query may carry a key.
        address.set_query(None);
        value["kind"] = json!(server.dialect.code());
        value["base_url"] = json!(address.as_str());
        value["upstream_model"] = json!(server.upstream_model);
    }
    let own = match &route.kind {
        RouteKind::Local(local) => Tokenizer::File(local.path.clone()),
        RouteKind::Server(_) | RouteKind::BuiltIn => Tokenizer::default(),
    };
    if route.tokenizer != own {
        value["tokenizer"] = json!(route.tokenizer.code());
    }
    if let RouteKind::Local(local) = &route.kind {
        value["kind"] = json!("local");
        value["path"] = json!(local.path);
        value["max_memory_mb"] = json!(local.memory_bytes_max / 1_000_000);
    }
    if let Some(fields) = value.as_object_mut() {
        prices::write(&route.prices, fields);
    }
    drop_nulls(&mut value);
    value
}

fn abilities(abilities: Abilities) -> String {
    let all = [
        ("tools", abilities.tools),
        ("images", abilities.images),
        ("structured", abilities.structured),
    ];
    let has: Vec<&str> = all.iter().filter(|(_, has)| *has).map(|(word, _)| *word).collect();
    if has.is_empty() { "none".to_owned() } else { has.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ::gateway::Policy;
    use domain::Place;

    use super::*;
    use crate::config::load_text;

    /// What the file says can be said again, and means the same.
    #[test]
    fn a_model_of_the_file_is_written_in_its_own_words() {
        let text = r#"
            [[models]]
            name = "standard"
            policy = "fastest"
            hedge = "800"
            [[models.routes]]
            kind = "vllm"
            base_url = "http://gpu:8000/v1"
            upstream_model = "m"
            place = "own"
            clearance = "confidential"
            abilities = "tools"
            offers = "chat, embeddings"
            context_tokens = 4096
            answer_tokens = 1024
            health_path = "/health"
            price_input = 0.15
            attempts = 1
            slow_start_seconds = 0
            [[models.routes]]
            name = "auszug"
            kind = "builtin"
            energy_wh_per_1000_tokens = 0.5
            [[models.routes.prices]]
            input = 0.1
            [[models.routes.prices]]
            from = "2026-07-01"
            input = 0.2
            request = 0.001
        "#;
        let config = load_text(text, &Environment::default()).unwrap();
        let written = write(&config.models[0]);
        let again = read(&written).unwrap();
        assert_eq!(again.policy, Policy::Fastest);
        assert_eq!(again.routes[0].place, Place::Own);
        assert_eq!(write(&again), written);
        assert_eq!(written["routes"][0]["price_input"], 0.15);
        assert_eq!(written["routes"][1]["prices"][1]["from"], "2026-07-01");
        assert_eq!(again.routes[1].prices, config.models[0].routes[1].prices);
        assert_eq!(written["routes"][0]["name"], "standard-1");
        assert_eq!(written["routes"][1]["name"], "auszug");
    }

    #[test]
    fn mistakes_name_their_place_and_what_would_be_right() {
        let wrong = json!({
            "name": "zwei worte",
            "hedge": "bald",
            "routes": [
                {"kind": "builtin", "weight": null, "base_url": "http://x"},
                {"kind": "mond", "weight": 0, "base_url": "ftp://x", "place": "own", "farbe": "rot",
                    "price_input": -1},
                {"kind": "openai", "base_url": "http://x", "place": "own", "clearance": "open",
                    "upstream_model": " "},
            ],
        });
        let told = |definition: &Value| {
            let faults = read(definition).unwrap_err().into_iter();
            faults.map(|fault| (fault.field, fault.reason.code)).collect::<BTreeMap<_, _>>()
        };
        let expected = [
            ("hedge", "model_field_form"),
            ("name", "model_field_name"),
            ("routes.0.base_url", "model_field_misplaced"),
            ("routes.1.base_url", "model_field_url"),
            ("routes.1.clearance", "model_field_missing"),
            ("routes.1.farbe", "model_field_unknown"),
            ("routes.1.kind", "model_field_choice"),
            ("routes.1.price_input", "model_field_amount"),
            ("routes.1.weight", "model_field_whole"),
            ("routes.2.upstream_model", "model_field_missing"),
        ];
        let expected = expected.map(|(field, code)| (field.to_owned(), code));
        assert_eq!(told(&wrong), BTreeMap::from(expected));
        let told = told(&json!({"name": "leer"}));
        assert_eq!(told, BTreeMap::from([("routes".to_owned(), "model_routes_missing")]));
    }
}
