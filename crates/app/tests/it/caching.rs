//! Answers kept for whoever asks exactly the same with the same rights, and for nobody else.

use std::sync::atomic::{AtomicUsize, Ordering};

use app::{
    Answer, AnswerPolicy, CacheUse, ChatReply, GuardMeasure, GuardPolicy, Principal, StructureCheck,
};
use domain::{Credential, DataClass, KeyId, Role, Scope, SessionId, UnitId};
use futures_util::StreamExt as _;
use llm::ChatRequest;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::fake_model::Reply;

use crate::world::World;

/// A request whose answer is kept, with more fields or other ones.
fn question(model: &str, more: &Value) -> ChatRequest {
    let mut body = json!({
        "model": model, "temperature": 0, "messages": [{"role": "user", "content": "Hallo"}],
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

async fn ask(world: &World, who: &Principal, request: ChatRequest) -> Answer<ChatReply> {
    world.app.create_chat_completion(who, request).await.unwrap()
}

/// The text, and whether it came out of the cache. Waits until what came of it is written down.
async fn heard(world: &World, who: &Principal, request: ChatRequest) -> (String, Option<CacheUse>) {
    let before = world.kept_answers().await;
    let answer = ask(world, who, request).await;
    let cache = answer.way.cache;
    let text = match answer.reply {
        ChatReply::Whole(response) => response.text().to_owned(),
        ChatReply::Stream(mut chunks) => {
            let mut text = String::new();
            while let Some(chunk) = chunks.next().await {
                text.push_str(chunk.unwrap().text());
            }
            text
        }
    };
    if cache == Some(CacheUse::Miss) {
        for _ in 0..200 {
            if world.kept_answers().await > before {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    (text, cache)
}

const HIT: Option<CacheUse> = Some(CacheUse::Hit);
const MISS: Option<CacheUse> = Some(CacheUse::Miss);

#[tokio::test]
async fn the_same_question_is_answered_again_and_costs_nothing() {
    let world = World::keeping_answers(DataClass::Open).await;
    let anna = world.member("anna").await;
    for stream in [false, true] {
        let request = || question("gross", &json!({"stream": stream}));
        world.model.always(Reply::text("Guten Tag.").usage(7, 3));
        assert_eq!(heard(&world, &anna, request()).await, ("Guten Tag.".to_owned(), MISS));
        world.model.always(Reply::text("Etwas anderes."));
        assert_eq!(heard(&world, &anna, request()).await, ("Guten Tag.".to_owned(), HIT));
        let other = question("gross", &json!({"stream": stream, "max_tokens": 9}));
        assert_eq!(heard(&world, &anna, other).await.1, MISS, "another body is another question");
    }
    let own = world.app.get_own_usage(&anna).await.unwrap();
    assert_eq!((own.today.calls, own.today.from_cache, own.today.unpriced), (6, 2, 4));
    assert_eq!(own.today.cost_nano_euro, 0);
    let admin = world.person("chefin", Role::Admin, vec![]).await;
    let entries = world.app.list_audit(&admin, None).await.unwrap().items;
    let again = entries.iter().filter(|entry| entry.detail.contains_key("from_cache"));
    assert_eq!(again.map(|e| e.action.as_str()).next(), Some("create_chat_completion"));
}

#[tokio::test]
async fn without_the_setting_nothing_is_kept() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    for _ in 0..2 {
        assert_eq!(heard(&world, &anna, question("gross", &json!({}))).await.1, None);
    }
    assert_eq!(world.kept_answers().await, 0);
}

#[tokio::test]
async fn only_what_is_to_be_the_same_each_time_is_kept() {
    let world = World::keeping_answers(DataClass::Open).await;
    let anna = world.member("anna").await;
    let tool = json!([{"type": "function", "function": {"name": "x", "parameters": {}}}]);
    let personal = json!([{"role": "user", "content": "Meine IBAN ist DE02120300000000202051."}]);
    for more in [
        json!({"temperature": 1}),
        json!({"temperature": null}),
        json!({"tools": tool}),
        json!({"store": true}),
        json!({"messages": personal}),
        json!({"fachwerk": {"data_class": "internal"}, "model": "beide"}),
    ] {
        let request = || question(more["model"].as_str().unwrap_or("gross"), &more);
        for _ in 0..2 {
            assert_eq!(heard(&world, &anna, request()).await.1, None, "{more}");
        }
    }
    let seeded = || question("gross", &json!({"temperature": 1, "seed": 7}));
    assert_eq!(heard(&world, &anna, seeded()).await.1, MISS);
    assert_eq!(heard(&world, &anna, seeded()).await.1, HIT);
    assert_eq!(world.kept_answers().await, 1);
}

#[tokio::test]
async fn a_change_of_the_model_or_of_the_class_forgets() {
    let world = World::keeping_answers(DataClass::Internal).await;
    let anna = world.member("anna").await;
    let ask = |class: &str| question("beide", &json!({"fachwerk": {"data_class": class}}));
    assert_eq!(heard(&world, &anna, ask("internal")).await.1, MISS);
    assert_eq!(heard(&world, &anna, ask("internal")).await.1, HIT);
    assert_eq!(heard(&world, &anna, ask("open")).await.1, MISS, "another class");
    assert_eq!(heard(&world, &anna, ask("personal")).await.1, None, "above the bound");
    world.lower_clearance("beide", DataClass::Internal);
    assert_eq!(heard(&world, &anna, ask("internal")).await.1, MISS, "another catalogue");
    world.lower_clearance("beide", DataClass::Open);
    let refused = world.app.create_chat_completion(&anna, ask("internal")).await;
    assert!(refused.is_err(), "what may not be asked is not answered again either");
}

#[tokio::test]
async fn the_database_shows_neither_question_nor_answer() {
    let world = World::keeping_answers(DataClass::Open).await;
    let anna = world.member("anna").await;
    world.model.next(Reply::text("Streng geheime Antwort"));
    assert_eq!(heard(&world, &anna, question("gross", &json!({}))).await.1, MISS);
    assert_eq!(world.kept_answers().await, 1);
    world.store.close().await;
    for file in ["fachwerk.db", "fachwerk.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join(file)).unwrap_or_default();
        let hex: String = "Streng geheime".bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in ["Streng geheime", "Hallo", &hex] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text:?} stands in {file}");
        }
    }
}

/// Somebody of the house with some rights.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rights {
    role: Role,
    units: Vec<usize>,
    /// `None` for a browser session.
    scopes: Option<Vec<Scope>>,
}

fn rights() -> impl Strategy<Value = Rights> {
    let role = prop_oneof![Just(Role::Member), Just(Role::Admin)];
    let units = prop::sample::subsequence(vec![0, 1, 2], 0..=3);
    let others = [Scope::Search, Scope::Documents, Scope::Conversations];
    let scopes = prop::option::of(prop::sample::subsequence(others.to_vec(), 0..=3));
    (role, units, scopes).prop_map(|(role, units, scopes)| {
        let scopes = scopes.map(|others| [vec![Scope::Models], others].concat());
        Rights { role, units, scopes }
    })
}

/// For made-up people and the same question: whoever gets a kept answer has the very rights of the
/// one who asked first. And whoever has them gets it.
#[test]
fn two_people_with_different_rights_never_share_an_answer() {
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (world, base) = runtime.block_on(async {
        let world = World::keeping_answers(DataClass::Open).await;
        let base = world.member("anna").await;
        (world, base)
    });
    let units: Vec<UnitId> = (0..3).map(|_| UnitId::new()).collect();
    let principal = |rights: &Rights| Principal {
        // Another person each time: rights count, not who has them.
        user: base.user,
        tenant: base.tenant,
        units: rights.units.iter().map(|unit| units[*unit]).collect(),
        role: rights.role,
        credential: match &rights.scopes {
            None => Credential::Session(SessionId::new()),
            Some(scopes) => Credential::ApiKey {
                id: KeyId::new(),
                scopes: scopes.clone(),
                models: None,
                data_class: None,
            },
        },
    };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    runner
        .run(&(rights(), rights()), |(first, second)| {
            let round = ROUND.fetch_add(1, Ordering::Relaxed);
            let ask = || question("gross", &json!({"seed": round + 1}));
            let (one, two) = runtime.block_on(async {
                let one = heard(&world, &principal(&first), ask()).await.1;
                (one, heard(&world, &principal(&second), ask()).await.1)
            });
            prop_assert_eq!(one, MISS);
            prop_assert_eq!(two, if first == second { HIT } else { MISS });
            // The same rights by another session or key are the same rights.
            let again = runtime.block_on(heard(&world, &principal(&first), ask())).1;
            prop_assert_eq!(again, HIT);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn an_answer_in_which_the_guard_found_something_is_not_kept() {
    let links_allowed = vec!["bund.example".to_owned()];
    let answers =
        AnswerPolicy { links: GuardMeasure::Remove, links_allowed, ..AnswerPolicy::default() };
    let guard = GuardPolicy { answers, ..GuardPolicy::off() };
    let world = World::keeping_guarded_answers(DataClass::Open, guard).await;
    let anna = world.member("anna").await;
    for stream in [false, true] {
        let request = || question("gross", &json!({"stream": stream}));
        world.model.always(Reply::text("Siehe https://fremd.example/x?d=1 dort."));
        let (text, cache) = heard(&world, &anna, request()).await;
        assert!(!text.contains("fremd.example"), "{text}");
        assert_eq!(cache, MISS);
        world.model.always(Reply::text("Guten Tag."));
        assert_eq!(heard(&world, &anna, request()).await, ("Guten Tag.".to_owned(), MISS));
        world.model.always(Reply::text("Etwas anderes."));
        assert_eq!(heard(&world, &anna, request()).await, ("Guten Tag.".to_owned(), HIT));
    }
}

#[tokio::test]
async fn an_answer_that_had_to_be_whole_is_kept_for_whoever_wants_a_stream() {
    let answers = AnswerPolicy { structure: StructureCheck::Repair, ..AnswerPolicy::default() };
    let guard = GuardPolicy { answers, ..GuardPolicy::off() };
    let world = World::keeping_guarded_answers(DataClass::Open, guard).await;
    let anna = world.member("anna").await;
    let schema = json!({"type": "object", "required": ["amt"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    let request = || question("gross", &json!({"stream": true, "response_format": format}));
    let fitting = r#"{"amt": "Bauamt"}"#.to_owned();
    world.model.always(Reply::text(&fitting));
    assert_eq!(heard(&world, &anna, request()).await, (fitting.clone(), MISS));
    world.model.always(Reply::text("kein JSON"));
    assert_eq!(heard(&world, &anna, request()).await, (fitting, HIT));
}
