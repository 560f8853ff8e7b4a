//! The dashboards and alert rules in `deploy/` ask for what the program measures, by its names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::process::Installation;

/// What Prometheus itself adds.
const OF_PROMETHEUS: [&str; 4] = ["up", "job", "instance", "le"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// Every expression in `deploy/`, with the file it stands in.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["fachwerk-system.json", "fachwerk-use.json"] {
        let text = fs::read_to_string(deploy().join("grafana").join(name)).unwrap();
        let board: Value = serde_json::from_str(&text).unwrap();
        let panels = board["panels"].as_array().unwrap();
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{name}: two panels with one id");
        let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        let texts = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
        found.extend(texts.map(|text| (name.to_owned(), text)));
        let query = board["templating"]["list"][1]["query"]["query"].as_str().unwrap();
        let (metric, label) = query["label_values(".len()..].split_once(", ").unwrap();
        let label = label.trim_end_matches(')');
        found.push((name.to_owned(), format!("sum by ({label}) ({metric})")));
    }
    let rules = fs::read_to_string(deploy().join("prometheus/fachwerk.rules.yml")).unwrap();
    let lines = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    found.extend(lines.map(|text| ("fachwerk.rules.yml".to_owned(), text.to_owned())));
    assert!(found.len() > 40, "{}", found.len());
    found
}

/// The measurements and labels that an expression names.
fn names(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let (mut in_labels, mut in_group, mut in_text, mut in_range) = (false, false, false, false);
    let mut word = String::new();
    let mut before = String::new();
    for character in expression.chars().chain([' ']) {
        if in_text || in_range {
            in_text &= character != '"';
            in_range &= character != ']';
            continue;
        }
        if character.is_ascii_alphanumeric() || matches!(character, '_' | '$') {
            word.push(character);
            continue;
        }
        let is_name = word.starts_with(|first: char| first.is_ascii_lowercase());
        if is_name && (in_labels || in_group) {
            labels.insert(word.clone());
        } else if is_name
            && character != '('
            && !matches!(word.as_str(), "sum" | "min" | "max" | "by")
        {
            metrics.insert(word.clone());
        }
        if !word.is_empty() {
            before = std::mem::take(&mut word);
        }
        match character {
            '"' => in_text = true,
            '[' => in_range = true,
            '{' => in_labels = true,
            '}' => in_labels = false,
            '(' => in_group = before == "by",
            ')' => {
                in_group = false;
                before.clear();
            }
            _ => {}
        }
    }
    (metrics, labels)
}

/// Names and their labels, as they stand in the text for Prometheus.
fn measured(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap().to_owned();
        let labels = line.split_once('{').map_or("", |(_, rest)| rest);
        let labels = labels.split("=\"").map(|part| part.rsplit(['"', ',']).next().unwrap());
        found.entry(name).or_default().extend(labels.map(str::to_owned));
    }
    found
}

/// Gives a model a budget that one question uses up. Limits are set by a person, not by a key.
pub async fn bound_tightly(address: &str) {
    let client = testkit::client::client();
    let who = json!({"email": "ada@amt.example", "password": "ein langes Passwort"});
    let signed = client.post(format!("{address}/api/session")).json(&who).send().await.unwrap();
    let cookie = signed.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let limits = client.put(format!("{address}/api/limits/model:klein"));
    let limits = limits
        .header("cookie", cookie)
        .header("x-fachwerk-csrf", "1")
        .json(&json!({"tokens_per_month": 1}));
    assert_eq!(limits.send().await.unwrap().status(), 200);
}

/// Traffic after which there is nothing that was not measured.
async fn scrape_after_traffic() -> String {
    let (model, broken) = (FakeModel::start().await, FakeModel::start().await);
    let collector = FakeModel::start().await;
    collector.always(Reply::status(400, &json!({})));
    broken.always(Reply::status(503, &json!({})));
    let route = |model: &FakeModel, place: &str| {
        format!(
            "[[models.routes]]\nkind = \"openai\"\nbase_url = \"{}\"\nupstream_model = \"m\"\n\
             place = \"{place}\"\nclearance = \"personal\"\n",
            model.base_url()
        )
    };
    let installation = Installation::new().configured(&format!(
        "[telemetry]\notlp_url = \"{}\"\n[answer_cache]\nuse = \"on\"\nclass_max = \"internal\"\n[[models]]\nname = \"gross\"\n{}{}[[models]]\nname = \"klein\"\n{}\
         [[models]]\nname = \"eng\"\n{}concurrency = 1\n[[models]]\nname = \"still\"\n{}",
        collector.base_url(),
        route(&broken, "germany"),
        route(&model, "own"),
        route(&model, "own"),
        route(&model, "own"),
        route(&model, "own"),
    ));
    let key = installation.person("ada", "ein langes Passwort");
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let narrow = json!({"model": "eng", "messages": [{"role": "user", "content": "Guten Tag"}]});
    for stream in [false, true] {
        model.next(Reply::pieces(["eins ", "zwei"]).usage(7, 2));
        let body = json!({
            "model": "gross", "stream": stream,
            "messages": [{"role": "user", "content": "Mail an bert@amt.example"}],
        });
        let answer = caller.post_request("/v1/chat/completions", &body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    }
    // One waits for the other.
    model.next(Reply::pieces(["eins ", "zwei"]).pause(Duration::from_millis(800)));
    let ask = || caller.post("/v1/chat/completions", &narrow);
    let (one, other) = tokio::join!(ask(), ask());
    assert_eq!((one.0, other.0), (200, 200));
    // The same question twice, and a budget that is used up.
    let body = json!({
        "model": "gross", "temperature": 0, "messages": [{"role": "user", "content": "Guten Tag"}],
    });
    assert_eq!(caller.post("/v1/chat/completions", &body).await.0, 200);
    assert_eq!(caller.post("/v1/chat/completions", &body).await.0, 200);
    bound_tightly(&format!("http://{}", running.address())).await;
    let body = json!({"model": "klein", "messages": [{"role": "user", "content": "Noch eine"}]});
    assert_eq!(caller.post("/v1/chat/completions", &body).await.0, 200);
    assert_eq!(caller.post("/v1/chat/completions", &body).await.0, 429);
    collector.wait_for_requests(2).await;
    // What was refused is counted when the refusal is read, a warning when the usage is written down.
    for _ in 0..100 {
        let text = caller.metrics().await;
        let late = ["fachwerk_telemetry_dropped_total", "fachwerk_limit_warnings_total"];
        if late.iter().all(|name| text.contains(name)) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    caller.metrics().await
}

/// O-1, O-3: nothing is asked for that nobody measures.
#[tokio::test]
async fn every_name_in_deploy_is_measured() {
    let text = scrape_after_traffic().await;
    let of_idle = text.lines().filter(|line| line.contains("\"still\""));
    let (histograms, others): (Vec<_>, Vec<_>) = of_idle.partition(|line| line.contains("le=\""));
    assert!(histograms.is_empty(), "what nobody uses fills no pages: {histograms:?}");
    assert!(!others.is_empty());
    let measured = measured(&text);
    for (file, expression) in expressions() {
        let (metrics, labels) = names(&expression);
        assert!(!metrics.is_empty(), "{file}: {expression} asks for nothing");
        let mut known: BTreeSet<&str> = OF_PROMETHEUS.into();
        for metric in &metrics {
            let own = OF_PROMETHEUS.contains(&metric.as_str());
            assert!(own || measured.contains_key(metric), "{file}: {metric} is not in\n{text}");
            known.extend(measured.get(metric).into_iter().flatten().map(String::as_str));
        }
        for label in &labels {
            assert!(known.contains(label.as_str()), "{file}: no label {label} in {expression}");
        }
    }
}

/// The counters in which an expression looks for a growth, with what is asked of their labels.
fn growths(expression: &str) -> Vec<(&str, &str)> {
    let parts = |function| expression.split(function).skip(1);
    let parts = parts("increase(").chain(parts("rate("));
    let counters = parts.filter_map(|part| part.split_once('[')).map(|(counter, _)| counter);
    let known = counters.filter(|counter| counter.contains("_total"));
    known
        .map(|counter| counter.trim_end_matches('}').split_once('{').unwrap_or((counter, "")))
        .collect()
}

/// O-3: a counter that begins with 1 has never grown. Those that rules wait for are there before the
/// first event, which for a budget is the only one in a month.
#[tokio::test]
async fn what_rules_wait_for_is_counted_from_the_start() {
    // By status and by kind of failure, which nobody knows beforehand; their rules wait for many.
    let by_kind = ["fachwerk_http_requests_total", "fachwerk_gateway_errors_total"];
    let (model, collector) = (FakeModel::start().await, FakeModel::start().await);
    let installation = Installation::new().configured(&format!(
        "[telemetry]\notlp_url = \"{}\"\n[[models]]\nname = \"gross\"\n[[models.routes]]\n\
         kind = \"openai\"\nbase_url = \"{}\"\nupstream_model = \"m\"\nplace = \"own\"\n\
         clearance = \"personal\"\n",
        collector.base_url(),
        model.base_url(),
    ));
    let key = installation.person("ada", "ein langes Passwort");
    let text = installation.serve("all").caller(&key).metrics().await;
    let mut found = 0;
    for (file, expression) in expressions() {
        if !file.ends_with(".rules.yml") {
            continue;
        }
        for (counter, labels) in growths(&expression) {
            let is_there = text.lines().any(|line| {
                let sample = line.strip_prefix(counter).and_then(|rest| rest.strip_suffix(" 0"));
                sample.is_some_and(|sample| labels.split(',').all(|label| sample.contains(label)))
            });
            assert!(is_there || by_kind.contains(&counter), "{counter}{{{labels}}} not in\n{text}");
            found += usize::from(is_there);
        }
    }
    assert!(found >= 7, "{found}");
}

#[test]
fn names_are_found_in_expressions() {
    let (metrics, labels) = names(
        "histogram_quantile(0.95, sum by (le, model) (rate(some_bucket{x=~\"a b\", y=\"c\"}[5m]))) > 4e9",
    );
    assert_eq!(metrics.into_iter().collect::<Vec<_>>(), ["some_bucket"]);
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["le", "model", "x", "y"]);
}

/// O-3: Prometheus itself accepts the rules. `cargo xtask test` brings its checker along where Debian
/// has it.
#[test]
fn prometheus_accepts_the_rules() {
    let Some(promtool) = std::env::var_os("FACHWERK_PROMTOOL") else {
        println!("skipped: FACHWERK_PROMTOOL does not say where it is; `cargo xtask test` does");
        return;
    };
    let rules = deploy().join("prometheus/fachwerk.rules.yml");
    let said = Command::new(promtool).args(["check", "rules"]).arg(rules).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("SUCCESS: 16 rules found"), "{said:?}");
}

/// O-3: they fire when they should, by Prometheus' own reckoning.
#[test]
fn the_rules_fire_at_the_first_event() {
    let Some(promtool) = std::env::var_os("FACHWERK_PROMTOOL") else {
        println!("skipped: FACHWERK_PROMTOOL does not say where it is; `cargo xtask test` does");
        return;
    };
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alerts.yml");
    let said = Command::new(promtool).args(["test", "rules"]).arg(cases).output().unwrap();
    assert!(said.status.success(), "{said:?}");
}
