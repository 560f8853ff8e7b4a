//! Limits and budgets where calls begin and end (G-9).

use std::{sync::Arc, time::Duration};

use app::{App, ChatReply, Error, Principal};
use domain::{AtLimit, Day, Instant, LimitScope, Role, UsageLimit};
use futures_util::StreamExt;
use llm::{ChatRequest, Operation, OperationRequest, embeddings::EmbeddingRequest};
use serde_json::{Value, json};
use testkit::fake_model::Reply;

use crate::world::{World, four_processes};

fn request(model: &str, more: Value) -> ChatRequest {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "Guten Tag"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

/// Asks and listens to the end; returns the route.
async fn ask(app: &Arc<App>, who: &Principal, model: &str) -> Result<String, Error> {
    ask_with(app, who, model, json!({"max_tokens": 10})).await
}

async fn ask_with(
    app: &Arc<App>,
    who: &Principal,
    model: &str,
    more: Value,
) -> Result<String, Error> {
    let answer = app.create_chat_completion(who, request(model, more)).await?;
    if let ChatReply::Stream(mut chunks) = answer.reply {
        while let Some(chunk) = chunks.next().await {
            chunk?;
        }
    }
    Ok(answer.way.taken.route)
}

fn code<T>(outcome: Result<T, Error>) -> &'static str {
    outcome.err().map_or("", |error| error.code)
}

/// Early in a minute, so that a test sees one minute alone.
async fn early_in_a_minute(seconds: i64) {
    while domain::Instant::now().micros() / 1_000_000 % 60 > 60 - seconds {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

struct Setting {
    world: World,
    admin: Principal,
}

impl Setting {
    async fn new() -> Self {
        let world = World::new().await;
        let admin = world.person("vera", Role::Admin, vec![]).await;
        Self { world, admin }
    }

    async fn limit(&self, scope: LimitScope, limit: UsageLimit) {
        self.world.app.put_limit(&self.admin, scope, limit).await.unwrap();
    }

    async fn ask(&self, who: &Principal, model: &str) -> Result<String, Error> {
        ask(&self.world.app, who, model).await
    }
}

/// A unit's budget binds all below it together, and survives a killed process.
#[tokio::test]
async fn a_units_budget_binds_all_below_it_and_survives_a_crash() {
    let house = Setting::new().await;
    let app = &house.world.app;
    let top = app.create_unit(&house.admin, "Amt", None).await.unwrap().id;
    let below = app.create_unit(&house.admin, "Referat", Some(top)).await.unwrap().id;
    let ada = house.world.person("ada", Role::Member, vec![below]).await;
    let bert = house.world.person("bert", Role::Member, vec![top]).await;
    let carl = house.world.member("carl").await;
    let budget = UsageLimit { tokens_per_month: Some(20), ..UsageLimit::default() };
    house.limit(LimitScope::Unit(top), budget).await;

    let mut answered = 0;
    for who in [&ada, &bert, &ada, &bert, &ada, &bert, &ada, &bert] {
        match house.ask(who, "gross").await {
            Ok(_) => answered += 1,
            Err(error) => assert_eq!(error.code, "budget_tokens"),
        }
    }
    let used = app.get_own_limits(&ada).await.unwrap();
    assert!((1..8).contains(&answered), "{answered}");
    assert_eq!(code(house.ask(&ada, "gross").await), "budget_tokens");
    assert_eq!(code(house.ask(&carl, "gross").await), "", "carl belongs to no unit");
    let error = house.ask(&bert, "gross").await.unwrap_err();
    assert!(error.retry_after.unwrap() > Duration::from_secs(1), "{error:?}");
    assert_eq!(used.limits.len(), 1);

    // Nothing was written to the database by now: the next process finds it in the journal.
    let second = house.world.restart().await;
    second.load_limits().await.unwrap();
    let again = code(ask(&second, &ada, "gross").await);
    // The first process still holds its journal; as it is killed, its files are free.
    app.settle_ledger().await.unwrap();
    let third = house.world.restart_as("dritte", "index-3").await;
    third.load_limits().await.unwrap();
    assert_eq!(code(ask(&third, &ada, "gross").await), "budget_tokens", "{again}");
    // Two people are too few for a figure: everybody sees the warning alone.
    let list = third.list_limits(&house.admin).await.unwrap();
    let own = third.get_own_limits(&ada).await.unwrap();
    for view in [&list[0], &own.limits[0]] {
        let tokens = &view.used.as_ref().unwrap()[0];
        assert_eq!((tokens.used, tokens.warned), (None, Some(100)));
    }
}

/// A budget that many share says nothing of what one of them does: what is used is what the figures of
/// usage hold, however many are bound and idle.
#[tokio::test]
async fn what_is_used_of_a_shared_budget_is_what_the_figures_say() {
    let house = Setting::new().await;
    let app = &house.world.app;
    let unit = app.create_unit(&house.admin, "Amt", None).await.unwrap().id;
    let mut people = Vec::new();
    for name in ["ada", "bert", "carl", "dora", "emil", "frida"] {
        people.push(house.world.person(name, Role::Member, vec![unit]).await);
    }
    let budget = UsageLimit { tokens_per_month: Some(1_000_000), ..UsageLimit::default() };
    for scope in [LimitScope::Unit(unit), LimitScope::Tenant, LimitScope::Model("gross".to_owned())]
    {
        house.limit(scope, budget).await;
    }
    let shown = async || {
        app.settle_ledger().await.unwrap();
        let views = app.list_limits(&house.admin).await.unwrap();
        let own = app.get_own_limits(&people[1]).await.unwrap().limits;
        let all = views.into_iter().chain(own).flat_map(|view| view.used.unwrap());
        all.map(|used| used.used).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        house.ask(&people[0], "gross").await.unwrap();
    }
    assert_eq!(shown().await, [None; 5], "one person's");
    for person in &people {
        house.ask(person, "gross").await.unwrap();
    }
    assert_eq!(shown().await, [None; 5], "the day is not over");
    let tomorrow = Day::of(Instant::now()).plus(1);
    house.world.store.close_usage(house.admin.tenant, tomorrow, 5).await.unwrap();
    let mut all = 0;
    for person in &people {
        all += app.get_own_limits(person).await.unwrap().used.tokens;
    }
    assert_eq!(shown().await, [Some(all); 5]);
    house.ask(&people[0], "gross").await.unwrap();
    assert_eq!(shown().await, [Some(all); 5], "one person's again");
}

/// At most one running request beyond the budget: what is claimed counts before it is used.
#[tokio::test]
async fn what_is_under_way_counts_until_it_is_given_back() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let limit = UsageLimit {
        concurrent: Some(2),
        tokens_per_month: Some(100_000),
        ..UsageLimit::default()
    };
    house.limit(LimitScope::Person(ada.user), limit).await;
    house.world.model.always(Reply::pieces(["lang"]).then_hang());
    let mut held = Vec::new();
    for _ in 0..2 {
        let call = request("gross", json!({"stream": true, "max_tokens": 40_000}));
        held.push(house.world.app.create_chat_completion(&ada, call).await.unwrap());
    }
    let error = house.ask(&ada, "gross").await.unwrap_err();
    assert_eq!(error.code, "limit_concurrent");
    assert!(error.retry_after.is_some());
    house.limit(LimitScope::Person(ada.user), UsageLimit { concurrent: Some(9), ..limit }).await;
    // Two claims of 40,000 tokens leave something for one that may go beyond it, and nothing more.
    let large = request("gross", json!({"stream": true, "max_tokens": 90_000}));
    held.push(house.world.app.create_chat_completion(&ada, large).await.unwrap());
    let error = house.ask(&ada, "gross").await.unwrap_err();
    assert_eq!(error.code, "budget_tokens");
    let soon = error.retry_after.unwrap();
    assert!(soon <= Duration::from_mins(2), "by how long calls take: {soon:?}");
    // Whoever waits begins as soon as others have ended that took less than they might have.
    house.world.model.always(Reply::text("kurz"));
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn({
        let (app, ada) = (Arc::clone(&house.world.app), ada.clone());
        async move { ask(&app, &ada, "gross").await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(waiting.try_join_next().is_none());
    drop(held);
    assert_eq!(code(waiting.join_next().await.unwrap().unwrap()), "");
    house.limit(LimitScope::Person(ada.user), limit).await;
    let own = house.world.app.get_own_limits(&ada).await.unwrap();
    let concurrent = &own.limits[0].used.as_ref().unwrap()[0];
    assert_eq!((concurrent.limit, concurrent.used), (2, Some(0)));
}

/// Many at the same time, none of which says how long its answer may become, pass a limit by no more
/// than one of them takes; and where there is plenty left, they do not stand in each other's way.
#[tokio::test]
async fn requests_that_say_no_length_pass_a_limit_by_one_of_them() {
    const EACH: u64 = 3_010;
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let budget = |tokens| UsageLimit { tokens_per_month: Some(tokens), ..UsageLimit::default() };
    house
        .world
        .model
        .always(Reply::text("lang").usage(10, EACH - 10).delay(Duration::from_millis(300)));
    let at_once = || {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let (app, ada) = (Arc::clone(&house.world.app), ada.clone());
            calls.spawn(async move { ask_with(&app, &ada, "gross", json!({})).await });
        }
        calls.join_all()
    };
    let limit = 20_000;
    house.limit(LimitScope::Person(ada.user), budget(limit)).await;
    let outcomes = at_once().await;
    assert!(outcomes.into_iter().all(|one| matches!(code(one), "" | "budget_tokens")));
    house.world.app.settle_ledger().await.unwrap();
    let used = house.world.app.get_own_limits(&ada).await.unwrap().used.tokens;
    assert!((limit..limit + EACH).contains(&used), "{used}");

    house.limit(LimitScope::Person(ada.user), budget(1_000_000)).await;
    let begun = std::time::Instant::now();
    assert!(at_once().await.iter().all(Result::is_ok));
    assert!(begun.elapsed() < Duration::from_secs(2), "all at once: {:?}", begun.elapsed());
}

/// A budget in euro that is used up leads to the route that costs nothing.
#[tokio::test]
async fn a_budget_that_is_used_up_leads_to_cheaper_routes() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let budget = |at_limit| UsageLimit {
        // The priced route costs a euro a token: 10 tokens and the question are about 15.
        micro_euro_per_month: Some(40_000_000),
        at_limit,
        ..UsageLimit::default()
    };
    house.limit(LimitScope::Person(ada.user), budget(AtLimit::Cheaper)).await;
    let mut routes = Vec::new();
    for _ in 0..12 {
        routes.push(house.ask(&ada, "teuer").await.unwrap());
    }
    assert_eq!(routes.first().map(String::as_str), Some("kostet"));
    assert_eq!(routes.last().map(String::as_str), Some("frei"), "{routes:?}");
    let call = app::Call {
        request: request("teuer", json!({"max_tokens": 10})),
        wishes: app::Wishes { explain: true, ..app::Wishes::default() },
    };
    house
        .limit(
            LimitScope::Person(house.admin.user),
            UsageLimit {
                micro_euro_per_month: Some(0),
                at_limit: AtLimit::Cheaper,
                ..UsageLimit::default()
            },
        )
        .await;
    let answer = house.world.app.create_chat_completion(&house.admin, call).await.unwrap();
    let why = answer.way.explanation.unwrap().to_header();
    assert!(why.contains("\"kostet\";not=over_budget"), "{why}");
    assert_eq!(code(house.ask(&house.admin, "nurteuer").await), "budget_route");

    house.limit(LimitScope::Person(ada.user), budget(AtLimit::Refuse)).await;
    assert_eq!(code(house.ask(&ada, "teuer").await), "budget_cost");
    house.limit(LimitScope::Person(ada.user), budget(AtLimit::Notify)).await;
    assert_eq!(house.ask(&ada, "teuer").await.unwrap(), "kostet");
}

/// An attempt beside the first is paid by the same budgets, though nobody got its answer.
#[tokio::test]
async fn what_a_slow_attempt_took_is_charged_too() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let mut models = house.world.gateway.catalogue().models().to_vec();
    let both = models.iter_mut().find(|model| model.name == "beide").unwrap();
    Arc::make_mut(both).hedging = gateway::Hedging::After(Duration::from_millis(50));
    house.world.gateway.replace_catalogue(gateway::Catalogue::new(models).unwrap());
    house.world.near.always(Reply::hang());
    house.world.model.always(Reply::text("schnell").usage(7, 3));
    // The answer alone takes 10 tokens; the question that the slow server got is some 100.
    let limit = UsageLimit { tokens_per_month: Some(50), ..UsageLimit::default() };
    house.limit(LimitScope::Person(ada.user), limit).await;
    let long = json!({"messages": [{"role": "user", "content": "Wort ".repeat(80)}]});
    let answered = ask_with(&house.world.app, &ada, "beide", long).await;
    assert_eq!(answered.unwrap(), "fern");
    assert_eq!(code(house.ask(&ada, "beide").await), "budget_tokens");
    house.world.app.settle_ledger().await.unwrap();
    let own = house.world.app.get_own_limits(&ada).await.unwrap();
    assert!(own.used.tokens > 100, "{:?}", own.used);
}

/// What operators see of today is what is charged, also for answers that came to no end.
#[tokio::test]
async fn operators_see_of_today_what_is_charged() {
    let house = Setting::new().await;
    let app = &house.world.app;
    let ada = house.world.member("ada").await;
    house.world.near.next(Reply::text("gut").usage(40, 2));
    house.ask(&ada, "nurteuer").await.unwrap();
    house.world.near.next(Reply::pieces(["Der Anfang "]).then_hang());
    let long =
        json!({"stream": true, "messages": [{"role": "user", "content": "Wort ".repeat(80)}]});
    let answer = app.create_chat_completion(&ada, request("nurteuer", long)).await.unwrap();
    let ChatReply::Stream(mut chunks) = answer.reply else { panic!("no stream") };
    while !chunks.next().await.unwrap().unwrap().text().contains("Anfang") {}
    drop(chunks);
    house.world.near.wait_for_hang_ups(1).await;
    let own = app.get_own_usage(&ada).await.unwrap().today;
    assert!(own.calls == 2 && own.prompt_tokens > 100 && own.cost_nano_euro > 100, "{own:?}");
    let status = app.get_gateway_status(&house.admin).unwrap();
    let model = status.models.iter().find(|model| model.name == "nurteuer").unwrap();
    let today = model.routes[0].today;
    assert_eq!(today.answers, 1);
    assert_eq!(
        (today.prompt_tokens, today.completion_tokens, today.cost_nano_euro),
        (own.prompt_tokens, own.completion_tokens, own.cost_nano_euro)
    );
}

/// A model names the one that stands in; it is asked as any other: with rights, class, price and record
/// of its own.
#[tokio::test]
async fn a_cheaper_model_stands_in_when_a_budget_is_used_up() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let nothing =
        |at_limit| UsageLimit { micro_euro_per_month: Some(0), at_limit, ..UsageLimit::default() };
    let person = LimitScope::Person(ada.user);
    assert_eq!(house.ask(&ada, "stufe").await.unwrap(), "oben");
    house.limit(person.clone(), nothing(AtLimit::Refuse)).await;
    assert_eq!(code(house.ask(&ada, "stufe").await), "budget_cost");

    house.limit(person.clone(), nothing(AtLimit::Cheaper)).await;
    let call = request("stufe", json!({}));
    let answer = house.world.app.create_chat_completion(&ada, call).await.unwrap();
    assert_eq!(answer.way.taken.model, "gross");
    let ChatReply::Whole(response) = answer.reply else { panic!("a whole answer") };
    assert_eq!(response.fields()["model"], "gross", "the answer names who gave it");

    // What may not see the data stands in for nobody, and neither does what the key is not for.
    let secret = json!({"fachwerk": {"data_class": "confidential"}});
    let refused = ask_with(&house.world.app, &ada, "falle", secret).await;
    assert_eq!(code(refused), "budget_route");
    assert_eq!(house.ask(&ada, "falle").await.unwrap(), "wolke", "open data may go there");
    let key = Principal {
        credential: domain::Credential::ApiKey {
            data_class: None,
            id: domain::KeyId::new(),
            scopes: vec![domain::Scope::Models],
            models: Some(vec!["stufe".to_owned()]),
        },
        ..ada.clone()
    };
    assert_eq!(code(house.ask(&key, "stufe").await), "budget_route");

    // The budget of a model binds that model alone, its rates too.
    house.limit(person, UsageLimit::default()).await;
    let rate = UsageLimit {
        requests_per_minute: Some(1),
        at_limit: AtLimit::Cheaper,
        ..UsageLimit::default()
    };
    early_in_a_minute(20).await;
    house.limit(LimitScope::Model("stufe".to_owned()), rate).await;
    assert_eq!(house.ask(&ada, "stufe").await.unwrap(), "oben");
    assert_ne!(house.ask(&ada, "stufe").await.unwrap(), "oben");
}

#[tokio::test]
async fn requests_may_be_only_so_long_and_only_so_many_tokens_a_minute() {
    early_in_a_minute(20).await;
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let limit = UsageLimit {
        context_tokens: Some(1_000),
        tokens_per_minute: Some(30),
        ..UsageLimit::default()
    };
    house.limit(LimitScope::Model("gross".to_owned()), limit).await;
    let long = json!({"max_tokens": 2_000});
    let refused = ask_with(&house.world.app, &ada, "gross", long).await;
    assert_eq!(code(refused), "limit_context");
    let said = |text: &str| json!({"messages": [{"role": "user", "content": text}]});
    let german = "Hiermit widerspreche ich dem Bescheid vom 3. März. ".repeat(50);
    assert!(german.len() > 2_500, "more bytes than tokens are allowed: it is counted");
    let passed = ask_with(&house.world.app, &ada, "gross", said(&german)).await;
    assert_ne!(code(passed), "limit_context");
    // Each is three tokens and not one, as four bytes a token would have it.
    let crabs = said(&"🦀".repeat(600));
    assert_eq!(code(ask_with(&house.world.app, &ada, "gross", crabs).await), "limit_context");
    let mut last = "";
    for _ in 0..20 {
        last = code(house.ask(&ada, "gross").await);
        if !last.is_empty() {
            break;
        }
    }
    assert_eq!(last, "limit_tokens");
    assert_eq!(code(house.ask(&ada, "beide").await), "", "another model goes on");
    let allowance = house.world.app.get_allowance(&ada, "gross").unwrap();
    assert_eq!(allowance.tokens.unwrap().limit, 30);
    assert!(allowance.requests.is_none());
}

/// Question and answer together stay below the largest context, also where nobody says how long the answer
/// may become; a route that cannot write so much is not told.
#[tokio::test]
async fn an_answer_ends_where_the_largest_context_does() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let app = &house.world.app;
    let limit = UsageLimit { context_tokens: Some(1_000), ..UsageLimit::default() };
    house.limit(LimitScope::Person(ada.user), limit).await;
    let asked_for = async |text: &str, more: Value| {
        let mut body = json!({"messages": [{"role": "user", "content": text}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = code(ask_with(app, &ada, "gross", body).await);
        assert_eq!(refused, "");
        let requests = house.world.model.take_requests();
        let body = &requests.last().unwrap().body;
        (body["max_tokens"].clone(), body["max_completion_tokens"].clone())
    };
    let null = Value::Null;
    let (bound, newer) = asked_for("Hallo", json!({})).await;
    assert!((900..1_000).contains(&bound.as_u64().unwrap()) && newer.is_null(), "{bound}");
    let german = "Hiermit widerspreche ich dem Bescheid vom 3. März. ".repeat(50);
    let (less, _) = asked_for(&german, json!({})).await;
    assert!((1..500).contains(&less.as_u64().unwrap()), "{less}: counted, and not by bytes");
    assert_eq!(asked_for("Hallo", json!({"max_tokens": 7})).await, (json!(7), null.clone()));
    let newer = asked_for("Hallo", json!({"max_completion_tokens": 7})).await;
    assert_eq!(newer, (null.clone(), json!(7)));
    let (bound, _) = asked_for("Hallo", json!({"max_completion_tokens": null})).await;
    assert!(bound.as_u64().unwrap() < 1_000);

    let set = |context: Option<u64>, answer: Option<u64>| {
        let mut models = house.world.gateway.catalogue().models().to_vec();
        let gross = models.iter_mut().find(|model| model.name == "gross").unwrap();
        let route = &mut Arc::make_mut(gross).routes[0];
        (route.context_tokens, route.answer_tokens) = (context, answer);
        house.world.gateway.replace_catalogue(gateway::Catalogue::new(models).unwrap());
    };
    for (context, answer, is_told) in
        [(None, Some(500), false), (Some(900), None, false), (Some(8_000), Some(4_000), true)]
    {
        set(context, answer);
        let (bound, _) = asked_for("Hallo", json!({})).await;
        assert_eq!(bound.is_null(), !is_told, "{context:?} {answer:?}: {bound}");
    }
    house.limit(LimitScope::Person(ada.user), UsageLimit { context_tokens: None, ..limit }).await;
    assert_eq!(asked_for("Hallo", json!({})).await, (null.clone(), null));
}

/// What a budget that is used up refuses does not depend on whether an estimate can be made.
#[tokio::test]
async fn a_budget_that_is_used_up_refuses_what_is_given_as_tokens() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let app = &house.world.app;
    let budget = |most| UsageLimit { tokens_per_month: Some(most), ..UsageLimit::default() };
    let vectors = |body: &str| EmbeddingRequest::parse(body.as_bytes()).unwrap();
    let tokens = vectors(r#"{"model": "vektoren", "input": [[1, 2, 3], [4, 5]]}"#);
    house.limit(LimitScope::Person(ada.user), budget(0)).await;
    assert_eq!(code(app.create_embedding(&ada, &tokens).await), "budget_tokens");
    let empty = vectors(r#"{"model": "vektoren", "input": ""}"#);
    assert_eq!(code(app.create_embedding(&ada, &empty).await), "budget_tokens");
    house.limit(LimitScope::Person(ada.user), budget(1_000)).await;
    assert_eq!(code(app.create_embedding(&ada, &tokens).await), "");
}

/// A hundred vectors for six micro-euro: each costs a fraction of one, and a budget of six lasts for them
/// all and for no more.
#[tokio::test]
async fn what_costs_next_to_nothing_adds_up_to_what_it_costs() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let app = &house.world.app;
    let mut models = house.world.gateway.catalogue().models().to_vec();
    let vectors = models.iter_mut().find(|model| model.name == "vektoren").unwrap();
    // Two cents for a million tokens; the server counts three.
    Arc::make_mut(vectors).routes[0].prices =
        gateway::Price { input: 20_000, ..gateway::Price::default() }.into();
    house.world.gateway.replace_catalogue(gateway::Catalogue::new(models).unwrap());
    let limit = UsageLimit { micro_euro_per_month: Some(6), ..UsageLimit::default() };
    house.limit(LimitScope::Person(ada.user), limit).await;
    let body = br#"{"model": "vektoren", "input": "Guten Tag"}"#;
    let request = EmbeddingRequest::parse(body).unwrap();
    for number in 1..=100 {
        assert_eq!(code(app.create_embedding(&ada, &request).await), "", "vector {number}");
        if number % 30 == 0 {
            app.settle_ledger().await.unwrap();
        }
    }
    let refused = app.create_embedding(&ada, &request).await.err().unwrap();
    assert_eq!(refused.code, "budget_cost");
    let said = refused.text(app::Language::German);
    assert!(said.contains("0,000006 Euro"), "{said}");

    app.settle_ledger().await.unwrap();
    let own = app.get_own_limits(&ada).await.unwrap();
    assert_eq!((own.used.calls, own.used.nano_euro), (100, 6_000));
    let used = own.limits[0].used.as_ref().unwrap();
    assert_eq!((used[0].limit, used[0].used, used[0].warned), (6, Some(6), Some(100)));
    assert_eq!(app.get_own_usage(&ada).await.unwrap().month.cost_nano_euro, 6_000);
}

/// Pictures and sounds are reserved by the piece, as they are paid.
#[tokio::test]
async fn pictures_and_sounds_are_reserved_at_their_price() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let app = &house.world.app;
    let mut models = house.world.gateway.catalogue().models().to_vec();
    let mut made = models.iter().find(|model| model.name == "nurteuer").unwrap().as_ref().clone();
    made.name = "bilder".to_owned();
    made.routes[0].offers = gateway::Offers::of([gateway::Offer::Images, gateway::Offer::Speech]);
    made.routes[0].prices =
        gateway::Price { image: 40_000, characters: 1_000_000, ..gateway::Price::default() }.into();
    models.push(Arc::new(made));
    house.world.gateway.replace_catalogue(gateway::Catalogue::new(models).unwrap());
    let budget = |most, at_limit| UsageLimit {
        micro_euro_per_month: Some(most),
        at_limit,
        ..UsageLimit::default()
    };
    let parse =
        |operation, body: &str| OperationRequest::parse(operation, body.as_bytes(), None).unwrap();
    let one = parse(Operation::ImageGeneration, r#"{"model": "bilder", "prompt": "Hund"}"#);
    let ten =
        parse(Operation::ImageGeneration, r#"{"model": "bilder", "prompt": "Hund", "n": 10}"#);
    let read = parse(Operation::Speech, r#"{"model": "bilder", "input": "Hallo", "voice": "x"}"#);

    // They are not free where what is left must pay for them.
    let person = LimitScope::Person(ada.user);
    house.limit(person.clone(), budget(0, AtLimit::Cheaper)).await;
    for request in [&one, &read] {
        assert_eq!(code(app.create_operation(&ada, request).await), "budget_route");
    }
    // Room for nine pictures and a bit; the ten under way are as many as may go beyond it.
    house.limit(person.clone(), budget(380_000, AtLimit::Refuse)).await;
    house.world.near.next(Reply::hang());
    let mut held = tokio::task::JoinSet::new();
    held.spawn({
        let (app, ada) = (Arc::clone(app), ada.clone());
        async move { app.create_operation(&ada, &ten).await.map(drop) }
    });
    while house.world.near.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(code(app.create_operation(&ada, &one).await), "budget_cost");
    held.shutdown().await;
    assert_eq!(code(app.create_operation(&ada, &one).await), "");
}

/// Everybody whom a budget binds is warned of it: the person of their own, of their keys', of their
/// units' and of the authority's, an administrator of what is not personal.
#[tokio::test]
async fn warnings_reach_whoever_a_budget_binds() {
    let house = Setting::new().await;
    let app = &house.world.app;
    let top = app.create_unit(&house.admin, "Amt", None).await.unwrap().id;
    let below = app.create_unit(&house.admin, "Referat", Some(top)).await.unwrap().id;
    let ada = house.world.person("ada", Role::Member, vec![below]).await;
    let bert = house.world.member("bert").await;
    let asked = app::KeyRequest {
        data_class: None,
        name: "Fachverfahren".to_owned(),
        scopes: vec![domain::Scope::Models],
        expires_at: None,
        models: None,
    };
    let made = app.create_key(&ada, asked).await.unwrap();
    let scopes = vec![domain::Scope::Models];
    let credential =
        domain::Credential::ApiKey { id: made.key.id, scopes, models: None, data_class: None };
    let by_key = Principal { credential, ..ada.clone() };
    let shared = [
        LimitScope::Unit(top),
        LimitScope::Unit(below),
        LimitScope::Tenant,
        LimitScope::Model("gross".to_owned()),
    ];
    let personal = [LimitScope::Person(ada.user), LimitScope::Key(made.key.id)];
    let limit = UsageLimit { tokens_per_month: Some(100), ..UsageLimit::default() };
    for scope in shared.iter().chain(&personal) {
        house.limit(scope.clone(), limit).await;
    }
    let warned = |views: Vec<app::LimitView>| -> Vec<(LimitScope, Option<u64>)> {
        let highest =
            |view: &app::LimitView| view.used.iter().flatten().filter_map(|used| used.warned).max();
        views.iter().map(|view| (view.scope.clone(), highest(view))).collect()
    };
    for (tokens, percent) in [(79, None), (1, Some(80)), (10, Some(90)), (20, Some(100))] {
        house.world.model.next(Reply::text("gut").usage(tokens, 0));
        assert_eq!(code(house.ask(&by_key, "gross").await), "");
        app.settle_ledger().await.unwrap();
        let all = warned(app.list_limits(&house.admin).await.unwrap());
        for scope in &shared {
            assert!(all.contains(&(scope.clone(), percent)), "{scope} {percent:?}: {all:?}");
        }
        for scope in &personal {
            assert!(all.contains(&(scope.clone(), None)), "{scope} is nobody else's: {all:?}");
        }
        for who in [&ada, &by_key] {
            let own = warned(app.get_own_limits(who).await.unwrap().limits);
            for scope in personal.iter().chain(&shared[..3]) {
                assert!(own.contains(&(scope.clone(), percent)), "{scope} {percent:?}: {own:?}");
            }
        }
        let others = warned(app.get_own_limits(&bert).await.unwrap().limits);
        assert_eq!(others, [(LimitScope::Tenant, percent)]);
    }
    assert_eq!(code(house.ask(&by_key, "gross").await), "budget_tokens");
}

/// A recording is paid by the minute: reserved by what the file says, and where it need not tell the
/// truth by its size, settled by what the server says.
#[tokio::test]
async fn recordings_are_paid_by_the_minute() {
    let house = Setting::new().await;
    let ada = house.world.member("ada").await;
    let app = &house.world.app;
    let mut models = house.world.gateway.catalogue().models().to_vec();
    let mut made = models.iter().find(|model| model.name == "nurteuer").unwrap().as_ref().clone();
    made.name = "ohr".to_owned();
    made.routes[0].offers = gateway::Offers::of([gateway::Offer::Transcriptions]);
    // Six cents a minute, 1,000 micro-euro a second.
    made.routes[0].prices =
        gateway::Price { audio_minute: 60_000, ..gateway::Price::default() }.into();
    models.push(Arc::new(made));
    house.world.gateway.replace_catalogue(gateway::Catalogue::new(models).unwrap());
    let recording = |bytes: Vec<u8>| {
        let mut form = llm::transcription::TranscriptionForm::new(
            llm::transcription::SpeechTask::Transcription,
        );
        form.add_file().unwrap();
        form.add("model", "ohr".to_owned()).unwrap();
        let pieces = vec![bytes.into()];
        gateway::TranscriptionRequest {
            form: form.finish().unwrap(),
            recording: gateway::Recording { name: "a.wav".to_owned(), content_type: None, pieces },
        }
    };
    // A second is 8,000 bytes.
    let mut head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    head.extend([8_000_u32.to_le_bytes(), 8_000_u32.to_le_bytes()].concat());
    head.extend(b"\x01\0\x08\0data\xff\xff\xff\xff");
    let wave = |seconds: usize| recording([head.clone(), vec![0; 8_000 * seconds]].concat());
    let spent = async || {
        app.settle_ledger().await.unwrap();
        app.get_own_limits(&ada).await.unwrap().used.nano_euro
    };
    let answer = |body: &Value| Reply::raw(200, "application/json", [body.to_string()]);

    house.world.near.next(answer(&json!({"text": "Guten Tag"})));
    app.create_transcription(&ada, &wave(3)).await.unwrap();
    assert_eq!(spent().await, 3_000_000, "as the file says");
    house.world.near.next(answer(&json!({"text": "Guten Tag", "duration": "2.5"})));
    app.create_transcription(&ada, &wave(3)).await.unwrap();
    assert_eq!(spent().await, 5_500_000, "as the server says");
    let usage = json!({"type": "duration", "seconds": 4});
    house.world.near.next(answer(&json!({"text": "Guten Tag", "usage": usage})));
    app.create_transcription(&ada, &wave(3)).await.unwrap();
    assert_eq!(spent().await, 9_500_000);

    // Ten seconds are left for one that lasts longer; then nothing is.
    let limit = UsageLimit { micro_euro_per_month: Some(19_500), ..UsageLimit::default() };
    house.limit(LimitScope::Person(ada.user), limit).await;
    house.world.near.next(Reply::hang());
    let long = wave(11);
    let mut held = tokio::task::JoinSet::new();
    held.spawn({
        let (app, ada) = (Arc::clone(app), ada.clone());
        async move { app.create_transcription(&ada, &long).await.map(drop) }
    });
    while house.world.near.requests().len() < 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(code(app.create_transcription(&ada, &wave(1)).await), "budget_cost");
    held.shutdown().await;
}

/// Four processes on one PostgreSQL, busy to different degrees, let through what one would: the error
/// stays below 2 %.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_one_limit() {
    const LIMIT: u64 = 600;
    let (world, processes) = four_processes().await;
    let admin = world.person("vera", Role::Admin, vec![]).await;
    let ada = world.member("ada").await;
    let limit = UsageLimit { requests_per_minute: Some(LIMIT), ..UsageLimit::default() };
    world.app.put_limit(&admin, LimitScope::Person(ada.user), limit).await.unwrap();
    for process in &processes {
        process.load_limits().await.unwrap();
        let process = Arc::clone(process);
        world.tasks.spawn(async move { process.keep_limits().await });
    }
    early_in_a_minute(50).await;
    let mut calls = tokio::task::JoinSet::new();
    // The first asks as much as the other three together.
    for (process, callers) in processes.iter().zip([6, 2, 2, 2]) {
        for _ in 0..callers {
            let (process, ada) = (Arc::clone(process), ada.clone());
            calls.spawn(async move {
                let (mut answered, mut refused) = (0_u64, 0);
                // For a while longer than the limit lasts: what was leased and not used comes back.
                while refused < 40 {
                    match ask(&process, &ada, "gross").await {
                        Ok(_) => answered += 1,
                        Err(error) => {
                            assert_eq!(error.code, "limit_requests", "{error:?}");
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                    }
                }
                answered
            });
        }
    }
    let answered: u64 = calls.join_all().await.into_iter().sum();
    let second = domain::Instant::now().micros() / 1_000_000 % 60;
    println!("{answered} of {LIMIT} requests in one minute, over at second {second}");
    assert!(answered <= LIMIT, "{answered}");
    assert!(answered * 100 >= LIMIT * 98, "{answered}");
    for process in &processes {
        process.stop(Duration::from_secs(1)).await;
    }
}
