//! Models that are defined outside the file: read by the rules of the file, and written in its words.

use std::time::Duration;

use ::gateway::{Abilities, Hedging, Offer};

use serde_json::{Map, Value, json};

use super::{
    Environment, ModelSettings, Overrides, RouteKind, RouteSettings,
    check::check_definition,
    mistake::{Mistake, Origin},
    prices,
    raw::Raw,
};

/// What a mistake's place is called before it is known.
const FILE: &str = "definition";

/// Reads a definition as if it stood in the file. Mistakes come with their place in the definition,
/// e.g. `routes.0.base_url`.
pub(crate) fn read(definition: &Value) -> Result<ModelSettings, Vec<(String, String)>> {
    let mut definition = definition.clone();
    drop_nulls(&mut definition);
    let wrong = |error: &dyn std::fmt::Display| vec![(String::new(), error.to_string())];
    let text = toml::to_string(&json!({ "models": [definition] })).map_err(|e| wrong(&e))?;
    let raw = Raw::read(Some((FILE, &text)), &Environment::default(), &Overrides::default());
    check_definition(raw).map_err(|mistakes| {
        let place = |mistake: &Mistake| (place_of(mistake, &text), mistake.text.clone());
        mistakes.iter().map(place).collect()
    })
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
    fn mistakes_name_their_place_in_the_definition() {
        let wrong = json!({
            "name": "zwei worte",
            "hedge": "bald",
            "routes": [
                {"kind": "builtin", "weight": null},
                {"kind": "openai", "weight": 0, "base_url": "ftp://x", "place": "own", "farbe": "rot"},
            ],
        });
        let mut places: Vec<String> =
            read(&wrong).unwrap_err().into_iter().map(|(place, _)| place).collect();
        places.sort();
        assert_eq!(
            places,
            [
                "hedge",
                "name",
                "routes.1.base_url",
                "routes.1.clearance",
                "routes.1.farbe",
                "routes.1.upstream_model",
                "routes.1.weight",
            ]
        );
        assert_eq!(read(&json!({"name": "leer"})).unwrap_err()[0].0, "routes");
    }
}
