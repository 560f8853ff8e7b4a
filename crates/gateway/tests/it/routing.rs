//! Which route a request takes, and what it says about it.

use domain::{DataClass, Place};
use gateway::{
    Abilities, Ask, AutoChoice, Catalogue, Condition, Dice, Gateway, GatewayError, Kind, Model,
    ModelAccess, Needs, PlacePolicy, PlanError, Policy, Price, Reason, Route, State, Terms,
    UsageMeter, find_model, plan, prefix,
};
use llm::{ChatRequest, Message};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::fake_model::FakeModel;

use crate::setup::{ask, built_in, client, model, request, route, settings};

const ROUNDS: u64 = 4_000;

fn equals(count: usize) -> Vec<Route> {
    (0..count).map(|index| built_in(&index.to_string())).collect()
}

fn with_policy(policy: Policy, routes: Vec<Route>) -> Catalogue {
    let model = Model { policy, ..model("standard", routes) };
    Catalogue::new(vec![model]).unwrap()
}

/// The first choice for a request, given how the routes are.
fn first(
    catalogue: &Catalogue,
    needs: &Needs,
    prefix: u64,
    now: impl Fn(usize) -> Condition,
    seed: u64,
) -> usize {
    let (class, places) = (DataClass::Open, PlacePolicy::ANYWHERE);
    let access = &ModelAccess::ALL;
    let ask = Ask { prefix, ..Ask::new(class, places, access, needs) };
    let model = &catalogue.models()[0];
    plan(catalogue, model, &ask, now, &mut Dice::new(seed)).unwrap().order[0]
}

/// How often each of the routes comes first, over many seeds.
fn shares(catalogue: &Catalogue, now: impl Fn(usize) -> Condition) -> Vec<u64> {
    let mut counts = vec![0; catalogue.models()[0].routes.len()];
    for seed in 0..ROUNDS {
        counts[first(catalogue, &Needs::default(), seed, &now, seed * 1_000)] += 1;
    }
    counts
}

fn is_near(count: u64, share: f64) -> bool {
    (count as f64 / ROUNDS as f64 - share).abs() < 0.03
}

/// G-5: load balancing over instances of a model.
#[test]
fn equals_share_the_load_by_weight() {
    let mut routes = equals(3);
    routes[0].weight = 3;
    routes[2].rank = 2;
    for policy in [Policy::Order, Policy::Affinity] {
        let shares = shares(&with_policy(policy, routes.clone()), |_| Condition::FRESH);
        assert!(is_near(shares[0], 0.75) && shares[2] == 0, "{policy:?}: {shares:?}");
    }
}

/// G-7: a backend that comes back takes its share slowly.
#[test]
fn a_route_that_comes_back_takes_less() {
    let catalogue = with_policy(Policy::Order, equals(2));
    let ramp = |index| if index == 0 { 0.1 } else { 1.0 };
    let shares = shares(&catalogue, |index| Condition { ramp: ramp(index), ..Condition::FRESH });
    assert!(is_near(shares[0], 0.1 / 1.1), "{shares:?}");
}

/// G-4: routing by cost, of this very request.
#[test]
fn the_cheapest_depends_on_the_request() {
    let mut routes = equals(3);
    let price = |input, output| Price { input, output, ..Price::default() };
    routes[1].prices = price(100, 9_000_000).into();
    routes[2].prices = price(5_000_000, 100).into();
    let catalogue = with_policy(Policy::Cheapest, routes);
    let first = |needs: &Needs| first(&catalogue, needs, 0, |_| Condition::FRESH, 1);
    let long_question = Needs { prompt_bytes: 100_000, answer_tokens: 10, ..Needs::default() };
    let long_answer = Needs { prompt_bytes: 10, answer_tokens: 10_000, ..Needs::default() };
    assert_eq!((first(&long_question), first(&long_answer)), (1, 2));
}

/// What is handed on is estimated by all that its caller says about it.
#[test]
fn what_is_handed_on_takes_what_its_caller_says() {
    let completion = |body: &str| {
        let request =
            llm::OperationRequest::parse(llm::Operation::Completion, body.as_bytes(), None);
        Needs::from(&request.unwrap()).usage_likely()
    };
    let one = completion(r#"{"model": "m", "prompt": "Hallo", "max_tokens": 100}"#);
    assert_eq!(one.completion_tokens, 100);
    let many = r#"{"model": "m", "prompt": ["a", "b"], "max_tokens": 100, "n": 2, "best_of": 3}"#;
    assert_eq!(completion(many).completion_tokens, 600);
    let tokens = completion(r#"{"model": "m", "prompt": [7, 8, 9], "max_tokens": 100}"#);
    assert_eq!((tokens.prompt_tokens, tokens.completion_tokens), (3, 100));
    let vectors = br#"{"model": "m", "input": [[1, 2, 3], [4, 5]]}"#;
    let vectors = llm::embeddings::EmbeddingRequest::parse(vectors).unwrap();
    assert_eq!(Needs::from(&vectors).usage_likely().prompt_tokens, 5);
}

/// G-4: routing by latency and load.
#[test]
fn the_fastest_takes_most_and_the_slowest_none() {
    let catalogue = with_policy(Policy::Fastest, equals(3));
    let latency = |index: usize| Some(Duration::from_millis(100 * (index as u64 + 1)));
    let idle =
        shares(&catalogue, |index| Condition { latency: latency(index), ..Condition::FRESH });
    // Of three pairs, two hold the best, none has the worst as the better one.
    assert!(is_near(idle[0], 2.0 / 3.0) && is_near(idle[1], 1.0 / 3.0) && idle[2] == 0, "{idle:?}");
    let busy = shares(&catalogue, |index| Condition {
        latency: latency(index),
        in_flight: if index == 0 { 9 } else { 0 },
        ..Condition::FRESH
    });
    assert!(busy[0] == 0, "{busy:?}");
}

#[test]
fn a_conversation_keeps_its_route_while_it_grows_and_when_others_go() {
    let catalogue = with_policy(Policy::Affinity, equals(5));
    let talk = |number: u64, more: &str| {
        let mut messages = vec![
            Message::new(llm::Role::System, "Sie helfen."),
            Message::user(format!("Frage {number}")),
        ];
        if !more.is_empty() {
            messages.extend([Message::assistant(more), Message::user(more)]);
        }
        prefix(&ChatRequest::new("standard", messages))
    };
    let mut moved = 0;
    for number in 0..200 {
        let begun = talk(number, "");
        assert_eq!(begun, talk(number, "und weiter"));
        let home = first(&catalogue, &Needs::default(), begun, |_| Condition::FRESH, number);
        let gone = |index| Condition {
            state: if index == 4 { State::Unwell } else { State::Ready },
            ..Condition::FRESH
        };
        let then = first(&catalogue, &Needs::default(), begun, gone, number + 1);
        assert!(then == home || home == 4);
        moved += usize::from(then != home);
    }
    assert!((20..=60).contains(&moved), "only a fifth moves: {moved}");
}

#[test]
fn a_request_goes_where_it_can_be_done() {
    let text = Abilities { tools: false, images: false, structured: false };
    let routes = vec![
        Route { abilities: text, context_tokens: Some(2_000), ..built_in("klein") },
        Route { rank: 2, context_tokens: Some(100_000), ..built_in("gross") },
    ];
    let catalogue = Catalogue::new(vec![model("standard", routes)]).unwrap();
    let first = |fields: Value| {
        let needs = Needs::of(&request(fields));
        first(&catalogue, &needs, 0, |_| Condition::FRESH, 0)
    };
    let part = json!({"type": "image_url", "image_url": {"url": "data:,"}});
    assert_eq!(first(json!({})), 0);
    assert_eq!(first(json!({"tools": []})), 0);
    assert_eq!(first(json!({"tools": [{"type": "function", "function": {"name": "f"}}]})), 1);
    assert_eq!(first(json!({"response_format": {"type": "text"}})), 0);
    assert_eq!(first(json!({"response_format": {"type": "json_object"}})), 1);
    assert_eq!(first(json!({"messages": [{"role": "user", "content": [part]}]})), 1);
    assert_eq!(first(json!({"max_tokens": 3_000})), 1);
    let long = "Wort ".repeat(4_000);
    assert_eq!(first(json!({"messages": [{"role": "user", "content": long}]})), 1);
}

/// A German text goes where it has room, counted to the last token, and is counted only in doubt.
#[tokio::test]
async fn a_request_is_counted_where_its_bytes_leave_doubt() {
    let text = "Sehr geehrte Damen und Herren, hiermit widerspreche ich dem Bescheid. ".repeat(40);
    let asked = request(json!({"messages": [{"role": "user", "content": text}], "max_tokens": 50}));
    let tokenizer = infer::Tokenizer::o200k();
    // The frame of one message is 8.
    let tokens = tokenizer.count(&text, u64::MAX).unwrap() + 8 + 50;
    let needs = Needs::of(&asked);
    let planned = async |room: u64| {
        let route = Route {
            context_tokens: Some(room),
            tokenizer: gateway::Tokenizer::O200k,
            ..built_in("klein")
        };
        let catalogue = Catalogue::new(vec![model("standard", vec![route])]).unwrap();
        let gateway = Gateway::new(client(), catalogue, settings());
        let mut needs = needs.clone();
        let texts = || gateway::prompt_texts(&asked);
        gateway.weigh("standard", DataClass::Open, &mut needs, &texts).await;
        let ask = Ask::new(DataClass::Open, PlacePolicy::ANYWHERE, &ModelAccess::ALL, &needs);
        let catalogue = gateway.catalogue();
        let model = catalogue.model("standard").unwrap();
        let plan = plan(&catalogue, model, &ask, |_| Condition::FRESH, &mut Dice::new(0));
        (plan, needs.counted.len())
    };
    assert_eq!(planned(tokens).await.0.unwrap().order, [0], "the boundary itself");
    let (refused, counted) = planned(tokens - 1).await;
    assert_eq!(counted, 1);
    let (reason, model) = (Reason::ContextTooShort, "standard".to_owned());
    let error = refused.unwrap_err();
    assert_eq!(error, PlanError::Unsuited { model, reason });
    assert_eq!(GatewayError::Plan(error).code(), "context_length_exceeded");
    let bytes = needs.prompt_bytes as u64 + 58;
    assert!(bytes > 3 * tokens, "German has some four bytes to a token");
    assert_eq!(planned(bytes).await.1, 0, "no more bytes than room: nothing is counted");
    assert_eq!(planned(bytes - 1).await.1, 1);
    assert_eq!(planned(57).await.1, 0, "not even the answer has room: nothing is counted");
}

#[test]
fn auto_picks_by_class_size_and_kind() {
    let line = |model: &str| AutoChoice {
        model: model.to_owned(),
        class_max: None,
        tokens_max: None,
        kind: None,
    };
    let clouded = Route { clearance: DataClass::Open, ..built_in("wolke") };
    let models = vec![
        model("bilder", vec![built_in("b")]),
        model("wolke", vec![clouded]),
        model("klein", vec![built_in("k")]),
        model("gross", vec![built_in("g")]),
    ];
    let catalogue = Catalogue::new(models).unwrap().with_auto(vec![
        AutoChoice { kind: Some(Kind::Images), ..line("bilder") },
        line("wolke"),
        AutoChoice { tokens_max: Some(1_000), ..line("klein") },
        AutoChoice { class_max: Some(DataClass::Confidential), ..line("gross") },
    ]);
    let catalogue = catalogue.unwrap();
    let pick = |class, needs: Needs| {
        let places = PlacePolicy::ANYWHERE;
        let ask = Ask::new(class, places, &ModelAccess::ALL, &needs);
        find_model(&catalogue, "auto", &ask).map(|model| model.name.clone())
    };
    let short = Needs::default();
    let long = Needs { prompt_bytes: 30_000, ..short.clone() };
    let image = Needs { images: true, ..short.clone() };
    assert_eq!(pick(DataClass::Personal, image).unwrap(), "bilder");
    assert_eq!(pick(DataClass::Open, long.clone()).unwrap(), "wolke");
    assert_eq!(pick(DataClass::Personal, short).unwrap(), "klein");
    assert_eq!(pick(DataClass::Personal, long.clone()).unwrap(), "gross");
    let refused = pick(DataClass::Restricted, long).unwrap_err();
    assert!(
        matches!(refused, PlanError::ClearanceTooLow { clearance: DataClass::Open, .. }),
        "the one line that fits is for open data: {refused:?}"
    );
    let lines = vec![AutoChoice { kind: Some(Kind::Images), ..line("bilder") }];
    let images = catalogue.clone().with_auto(lines).unwrap();
    let (needs, places) = (Needs::default(), PlacePolicy::ANYWHERE);
    let class = DataClass::Open;
    let (access, needs) = (&ModelAccess::ALL, &needs);
    let ask = Ask::new(class, places, access, needs);
    assert_eq!(find_model(&images, "auto", &ask).unwrap_err(), PlanError::NoChoice);
    let unknown = Catalogue::new(vec![model("a", vec![built_in("b")])]).unwrap();
    assert!(unknown.with_auto(vec![line("fehlt")]).is_err());
}

#[tokio::test]
async fn an_answer_by_auto_bears_the_name_of_the_model() {
    let fake = FakeModel::start().await;
    let models = vec![model("gross", vec![route("r", &fake.base_url())])];
    let line =
        AutoChoice { model: "gross".to_owned(), class_max: None, tokens_max: None, kind: None };
    let catalogue = Catalogue::new(models).unwrap().with_auto(vec![line]).unwrap();
    let gateway = Gateway::new(client(), catalogue, settings());
    let asked = request(json!({"model": "auto"}));
    let meter = UsageMeter::default();
    let whole = gateway.complete(&asked, DataClass::Open, &meter).await.unwrap();
    assert_eq!(whole.taken.model, "gross");
    let answer: Value = serde_json::from_slice(&whole.response.to_json()).unwrap();
    assert_eq!(answer["model"], "gross");
}

/// What the lines behind `auto` are not for is said too.
#[tokio::test]
async fn an_explanation_of_auto_names_the_lines_that_were_passed_over() {
    let fake = FakeModel::start().await;
    let one = |name: &str| model(name, vec![route("r", &fake.base_url())]);
    let line = |model: &str| AutoChoice {
        model: model.to_owned(),
        class_max: None,
        tokens_max: None,
        kind: None,
    };
    let lines = vec![
        AutoChoice { class_max: Some(DataClass::Open), ..line("offen") },
        AutoChoice { tokens_max: Some(1), ..line("kurz") },
        AutoChoice { kind: Some(gateway::Kind::Images), ..line("bilder") },
        line("gross"),
        line("letzter"),
    ];
    let models = ["offen", "kurz", "bilder", "gross", "letzter"].map(one);
    let catalogue = Catalogue::new(models).unwrap().with_auto(lines).unwrap();
    let gateway = Gateway::new(client(), catalogue, settings());
    let terms = Terms { explain: true, ..Terms::from(DataClass::Internal) };
    let meter = UsageMeter::default();
    let asked = request(json!({"model": "auto"}));
    gateway.chat(&asked, terms, &meter).await.unwrap();
    assert_eq!(
        meter.explanation().unwrap().to_header(),
        "\"r\";taken;model=\"gross\";policy=order, \"offen/r\";not=above_line_class, \
         \"kurz/r\";not=above_line_tokens, \"bilder/r\";not=other_task, \
         \"letzter/r\";not=not_needed"
    );
}

/// Every other route is accounted for, and nothing is kept unless somebody asks.
#[tokio::test]
async fn an_explanation_says_why_each_other_route_was_not_taken() {
    let fake = FakeModel::start().await;
    let good = |name: &str, rank| Route { rank, ..route(name, &fake.base_url()) };
    let routes = vec![
        Route { clearance: DataClass::Open, ..good("offen", 1) },
        Route { place: Place::Elsewhere, ..good("fern", 1) },
        Route { concurrent_max: 0, ..good("voll", 1) },
        good("gut", 2),
        good("reserve", 3),
    ];
    let catalogue = Catalogue::new(vec![model("standard", routes)]).unwrap();
    let gateway = Gateway::new(client(), catalogue, settings());
    let places = PlacePolicy::up_to(Place::Eu);
    let terms = Terms { places, explain: true, ..Terms::from(DataClass::Personal) };
    let meter = UsageMeter::default();
    gateway.chat(&ask("x"), terms, &meter).await.unwrap();
    assert_eq!(
        meter.explanation().unwrap().to_header(),
        "\"gut\";taken;model=\"standard\";policy=order, \"offen\";not=above_clearance, \
         \"fern\";not=place_not_allowed, \"voll\";not=full, \"reserve\";not=not_needed"
    );
    let silent = UsageMeter::default();
    gateway.chat(&ask("x"), DataClass::Open, &silent).await.unwrap();
    assert_eq!(silent.explanation(), None);
}
