//! Configuration: what a file gives, and what its mistakes look like.

use std::time::Duration;

use gateway::Hedging;
use server::config::{Environment, Overrides, load, load_text};

fn mistakes(text: &str) -> String {
    load_text(text, &Environment::default()).unwrap_err().to_string()
}

#[test]
fn without_anything_the_built_in_values_hold() {
    let config = load_text("", &Environment::default()).unwrap();
    assert_eq!(config.data.to_str(), Some("data"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.default_model, "fachwerk-auszug");
    assert_eq!(config.limits.upload_bytes, 200 << 20);
    assert!(!config.is_https());
}

#[test]
fn a_model_server_needs_six_lines() {
    let environment = Environment::from_pairs(&[("STANDARD_API_KEY", "geheim")]);
    let config = load_text(
        r#"
        [[models]]
        name = "standard"
        [[models.routes]]
        kind = "openai"
        base_url = "https://example.openai.azure.com/openai/v1"
        api_key_env = "STANDARD_API_KEY"
        key_header = "api-key"
        query = "api-version=2024-10-21"
        upstream_model = "gpt"
        place = "eu"
        clearance = "internal"
        price_input = 1
        "#,
        &environment,
    )
    .unwrap();
    assert_eq!(config.default_model, "standard");
    insta::assert_debug_snapshot!(config.models);
}

/// The settings of a route to a cloud, with more lines.
fn cloud(kind: &str, more: &str) -> String {
    format!(
        "[[models]]\nname = \"wolke\"\n[[models.routes]]\nkind = \"{kind}\"\n\
         base_url = \"https://wolke.example/v1\"\nupstream_model = \"m\"\nplace = \"eu\"\n\
         clearance = \"open\"\n{more}"
    )
}

/// G-2, G-8.
#[test]
fn routes_to_clouds_sign_their_calls_or_fetch_tokens() {
    let key = include_str!("../../../gateway/fixtures/test_only_key.pem");
    let file = serde_json::json!({"client_email": "a@b.example", "private_key": key,
        "token_uri": "https://token.example/"});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("konto.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let environment =
        Environment::from_pairs(&[("GEHEIM", "wJalrXUtnFEMI"), ("SITZUNG", "vorlaeufig")]);
    let aws = "aws_access_key_id = \"AKIDEXAMPLE\"\napi_key_env = \"GEHEIM\"\n";
    let signed = cloud(
        "bedrock",
        &format!("{aws}aws_region = \"eu-central-1\"\naws_session_token_env = \"SITZUNG\"\n"),
    );
    let account = cloud("vertex", &format!("service_account_file = {path:?}\n"));
    for (text, sign) in [(signed, "Signed(AwsKeys"), (account, "Account(ServiceAccount")] {
        let config = load_text(&text, &environment).unwrap();
        let shown = format!("{:?}", config.models);
        assert!(shown.contains(sign), "{shown}");
        assert!(!shown.contains("wJalr") && !shown.contains("vorl") && !shown.contains("PRIVATE"));
    }

    let mistakes = [
        cloud("bedrock", aws),
        cloud("bedrock", "aws_access_key_id = \"AKIDEXAMPLE\"\naws_region = \"eu-central-1\"\n"),
        cloud("bedrock", &format!("{aws}aws_region = \"x\"\naws_session_token_env = \"FEHLT\"\n")),
        cloud("openai", "aws_region = \"eu-central-1\"\n"),
        cloud("bedrock", "service_account_file = \"/x\"\n"),
        cloud("vertex", "service_account_file = \"/gibt/es/nicht\"\n"),
        cloud("builtin", "aws_region = \"x\"\n"),
    ];
    let named = [
        "aws_region",
        "aws_access_key_id",
        "aws_session_token_env",
        "aws_region",
        "service_account_file",
        "service_account_file",
        "aws_region",
    ];
    for (text, name) in mistakes.iter().zip(named) {
        let told = load_text(text, &environment).unwrap_err().to_string();
        assert!(told.contains(name), "{name}: {told}");
    }
}

#[test]
fn prices_hold_from_a_day_on() {
    let file = |prices: &str| {
        format!("[[models]]\nname = \"standard\"\n[[models.routes]]\nkind = \"builtin\"\n{prices}")
    };
    let read = |prices: &str| load_text(&file(prices), &Environment::default());
    let config = read(
        "energy_wh_per_1000_tokens = 0.4\n\
         prices = [{ from = \"2026-07-01\", input = 0.1 }, { input = 0.2, cached_input = 0.02, image = 0.04 }]",
    )
    .unwrap();
    let route = &config.models[0].routes[0];
    assert_eq!(route.energy_mwh, Some(400));
    let at = |day: &str| route.prices.at(day.parse::<domain::Day>().unwrap().start()).unwrap();
    let before = at("2026-06-30");
    assert_eq!((before.input, before.cached_input, before.image), (200_000, Some(20_000), 40_000));
    assert_eq!((at("2026-07-01").input, at("2026-07-01").cached_input), (100_000, None));
    let plain = read("price_input = 1\nprice_output = 2").unwrap();
    let price = plain.models[0].routes[0].prices.now().unwrap();
    assert_eq!((price.input, price.output, price.request), (1_000_000, 2_000_000, 0));

    let wrong = "price_input = 1\n[[models.routes.prices]]\nfrom = \"2026-01-01\"";
    assert!(mistakes(&file(wrong)).contains("give either price_input"));
    let wrong = "[[models.routes.prices]]\nfrom = \"2026-02-30\"\n[[models.routes.prices]]\ninput = -1\nnetto = 1";
    let found = mistakes(&file(wrong));
    for part in ["is not a day such as", "on the same day", "number of euros", "prices.netto"] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

/// G-7: how persistent and careful calls are is the operator's decision, for all and for a route.
#[test]
fn persistence_and_care_can_be_set_for_all_and_for_a_route() {
    let file = |gateway: &str, hedge: &str, route: &str| {
        format!(
            "[gateway]\n{gateway}\n[[models]]\nname = \"standard\"\nhedge = \"{hedge}\"\n\
             [[models.routes]]\nkind = \"builtin\"\n{route}\n"
        )
    };
    let read = |text: String| load_text(&text, &Environment::default());
    let given = "attempts = 1\nbreaker_percent = 25\nslow_start_seconds = 0";
    let config = read(file(given, "800", "attempts = 4\nbreaker_open_seconds = 60")).unwrap();
    assert_eq!(config.gateway.attempts_per_route, 1);
    assert!((config.gateway.health.breaker.failure_rate - 0.25).abs() < f64::EPSILON);
    let model = &config.models[0];
    assert_eq!(model.hedging, Hedging::After(Duration::from_millis(800)));
    let care = model.routes[0].care;
    assert_eq!((care.attempts, care.open_first), (Some(4), Some(Duration::from_secs(60))));
    assert_eq!((care.failures_in_a_row, care.slow_start), (None, None));
    let config = read(file("", "p95", "")).unwrap();
    assert_eq!(config.models[0].hedging, Hedging::SlowerThanMost);

    let wrong = file("attempts = 0\nbackoff_ms = 9000", "bald", "slow_start_seconds = -1");
    insta::assert_snapshot!(mistakes(&wrong));
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let folder = std::env::temp_dir().join(format!("fachwerk-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.toml");
    std::fs::write(&file, "data = \"a\"\nlisten = \"127.0.0.1:1\"\n[log]\nlevel = \"warn\"\n")
        .unwrap();
    let environment = Environment::from_pairs(&[
        ("FACHWERK_CONFIG", file.to_str().unwrap()),
        ("FACHWERK_DATA", "b"),
        ("FACHWERK_LISTEN", "127.0.0.1:2"),
        ("FACHWERK_LIMITS_UPLOAD_BYTES", "5000"),
        ("FACHWERK_DATABASE_URL", ""),
    ]);
    let overrides = Overrides { listen: Some("127.0.0.1:3".to_owned()), ..Overrides::default() };
    let config = load(&overrides, &environment).unwrap();
    assert_eq!(config.data.to_str(), Some("b"));
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.limits.upload_bytes, 5000);
    assert_eq!(config.log.filter, "warn");
    assert!(config.database_url.is_none());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let overrides =
        Overrides { config: Some("/nonexistent/f.toml".into()), ..Overrides::default() };
    let text = load(&overrides, &Environment::default()).unwrap_err().to_string();
    insta::assert_snapshot!(text);
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = r#"dat = "x"
listen = "localhost"
public_url = "https://ki.example.de/pfad"
database_url = "mysql://root:geheim@localhost"
default_model = "fehlt"
trusted_proxy = "proxy"
limits = 3

[sessions]
idle_hours = 200

[log]
format = "xml"
level = "==="

[extraction]
workers = "viele"
wall_seconds = -1
memory = 3

[models]
name = "falsch"
"#;
    insta::assert_snapshot!(mistakes(text));
}

#[test]
fn every_mistake_in_models_is_named_at_once() {
    let text = r#"[[models]]
purpose = "ohne Namen"

[[models]]
name = "fachwerk-auszug"
[[models.routes]]
kind = "builtin"
base_url = "http://x/v1"

[[models]]
name = "standard"
[[models.routes]]
kind = "telepathy"
place = "mars"
[[models.routes]]
kind = "openai"
base_url = "ftp://x"
api_key_env = "FEHLT"
clearance = "personal"
price_input = -1
query = "version"
key_header = "a b"
[[models.routes]]
kind = "openai"
base_url = "http://name:wort@x/v1"
api_key_env = "A"
api_key_file = "b"
concurrency = 0
colour = "red"

[[models]]
name = "standard"
routes = "keine"
"#;
    insta::assert_snapshot!(mistakes(text));
}

#[test]
fn what_a_server_does_not_have_is_a_mistake() {
    let route = |kind: &str, offers: &str| {
        let text = format!(
            "[[models]]\nname = \"m\"\n[[models.routes]]\nkind = {kind:?}\nbase_url = \"http://127.0.0.1:1/v1\"\n\
             upstream_model = \"m\"\nplace = \"own\"\nclearance = \"open\"\n{offers}"
        );
        load_text(&text, &Environment::default()).map_err(|error| error.to_string())
    };
    let said = route("anthropic", "offers = \"chat, embeddings\"").unwrap_err();
    assert!(said.contains("line 9: models.routes.offers: anthropic has no embeddings"), "{said}");
    let said = route("tei", "").unwrap_err();
    assert!(said.contains("line 3: models.routes.offers: tei has no chat"), "{said}");
    assert!(route("tei", "offers = \"embeddings, rerank\"").is_ok());
    assert!(route("openai", "offers = \"images, speech\"").is_ok());
}

#[test]
fn a_hybrid_installation_is_understood() {
    let text = r#"
        [outbound]
        farthest_place = "eu"
        [[models]]
        name = "standard"
        policy = "affinity"
        queue_length = 7
        queue_seconds = 3
        [[models.routes]]
        kind = "openai"
        base_url = "http://gpu/v1"
        upstream_model = "x"
        place = "own"
        clearance = "confidential"
        weight = 2
        abilities = "tools, structured"
        context_tokens = 32768
        health_path = "/health"
        [[models.routes]]
        kind = "builtin"
        order = 2
        [[auto]]
        model = "standard"
        class_max = "internal"
        tokens_max = 4000
        task = "chat"
        [[auto]]
        model = "fachwerk-auszug"
        "#;
    let config = load_text(text, &Environment::default()).unwrap();
    assert!(!config.outbound.places.allows(domain::Place::Elsewhere));
    assert!(config.outbound.places.allows(domain::Place::Eu));
    insta::assert_debug_snapshot!((&config.models, &config.auto));
}

#[test]
fn routes_stand_in_order_unless_the_policy_makes_them_equal() {
    let ranks = |policy: &str| {
        let model = format!("[[models]]\nname = \"m\"\n{policy}\n");
        let text = model + &"[[models.routes]]\nkind = \"builtin\"\n".repeat(3);
        let config = load_text(&text, &Environment::default()).unwrap();
        config.models[0].routes.iter().map(|route| route.rank).collect::<Vec<_>>()
    };
    assert_eq!(ranks(""), [1, 2, 3]);
    assert_eq!(ranks("policy = \"fastest\""), [1, 1, 1]);
}

#[test]
fn every_mistake_in_routing_is_named_at_once() {
    let text = r#"[[models]]
name = "auto"
policy = "best"
queue_length = -1
[[models.routes]]
kind = "builtin"
health_path = "/health"
[[models.routes]]
kind = "openai"
base_url = "http://x/v1"
upstream_model = "x"
place = "own"
clearance = "open"
order = 0
weight = "viel"
abilities = "tools, singing"
context_tokens = 1
health_path = "health?deep"
health_seconds = 0

[[auto]]
task = "poetry"
[[auto]]
model = "fehlt"
class_max = "geheim"
tokens_max = 0
"#;
    insta::assert_snapshot!(mistakes(text));
}

#[test]
fn a_file_that_is_no_toml_is_explained() {
    insta::assert_snapshot!(mistakes("data = \"a\nlisten = 3 4\n[[models]\n"));
}

#[test]
fn secrets_print_as_stars() {
    let environment =
        Environment::from_pairs(&[("FACHWERK_DATABASE_URL", "postgres://a:geheim@b/c")]);
    let printed = format!("{:?}", load_text("", &environment).unwrap());
    assert!(printed.contains("***") && !printed.contains("geheim"), "{printed}");
}

#[test]
fn a_level_of_the_log_that_does_not_exist_is_named() {
    let load = |level: &str| {
        let text = format!("[log]\nlevel = \"{level}\"\n");
        server::config::load_text(&text, &server::config::Environment::from_pairs(&[]))
    };
    for right in ["warn", "INFO", "off", "info,gateway=debug"] {
        assert!(load(right).is_ok(), "{right}");
    }
    let mistakes = load("laut").unwrap_err();
    assert!(mistakes.to_string().contains("log.level"), "{mistakes}");
}
