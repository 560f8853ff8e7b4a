//! An external guardrail in the shape of a moderation endpoint: what it is shown, what becomes of what
//! it says, and what happens if it says nothing. Requirements R-4 and R-6 of the reference architecture.

use std::{sync::Arc, time::Duration};

use app::{
    ChatReply, ExternalPolicy, GuardAction, GuardCheck, GuardMeasure, GuardPolicy, GuardScope,
    NewMessage, OnFailure, OperationReply, PlaceRules, Principal, RunEvent, RunState,
};
use domain::{DataClass, ErrorKind, Role};
use futures_util::StreamExt as _;
use llm::{ChatRequest, Operation, OperationRequest, embeddings::EmbeddingRequest};
use serde_json::{Value, json};
use testkit::fake_model::{Reply, SeenRequest};

use crate::world::World;

const IBAN: &str = "DE89 3704 0044 0532 0130 00";
const NOTICE: &str = "[Antwort vom Schutzfilter beendet]";

fn external(model: &str) -> ExternalPolicy {
    ExternalPolicy {
        model: model.to_owned(),
        input: GuardCheck::Off,
        output: GuardMeasure::Off,
        on_failure: OnFailure::Refuse,
        timeout: Duration::from_millis(1_500),
    }
}

fn of_requests(on_failure: OnFailure) -> ExternalPolicy {
    ExternalPolicy { input: GuardCheck::Refuse, on_failure, ..external("schutz") }
}

fn of_answers(output: GuardMeasure) -> ExternalPolicy {
    ExternalPolicy { output, ..external("schutz") }
}

fn policy(external: ExternalPolicy) -> GuardPolicy {
    GuardPolicy { external: Some(Arc::new(external)), ..GuardPolicy::off() }
}

fn question(text: &str, stream: bool) -> ChatRequest {
    let body = json!({"model": "gross", "stream": stream,
        "messages": [{"role": "user", "content": text}],
        "stream_options": if stream { json!({"include_usage": true}) } else { Value::Null }});
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

/// What the endpoint says, one word for each text: whether it is flagged.
fn verdict(flagged: &[bool]) -> Reply {
    let results: Vec<Value> = flagged
        .iter()
        .map(|flagged| {
            json!({"flagged": flagged, "categories": {"violence": flagged, "sexual": false},
                "category_scores": {"violence": 0.93, "sexual": 0.01}})
        })
        .collect();
    Reply::status(200, &json!({"id": "modr-1", "model": "m", "results": results}))
}

fn asked(world: &World) -> Vec<SeenRequest> {
    world.near.requests()
}

async fn records(world: &World, action: &str) -> Vec<app::AuditEntry> {
    world.app.settle_ledger().await.unwrap();
    let ada = world.person("ada", Role::Admin, vec![]).await;
    let entries = world.app.list_audit(&ada, None).await.unwrap().items;
    entries.into_iter().filter(|one| one.action == action).collect()
}

async fn told(reply: ChatReply) -> (String, String, Vec<String>) {
    let mut pieces = vec![];
    let mut reason = String::new();
    match reply {
        ChatReply::Whole(response) => {
            reason.push_str(response.finish_reason().unwrap_or_default());
            pieces.push(response.text().to_owned());
        }
        ChatReply::Stream(mut chunks) => {
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.unwrap();
                reason.push_str(chunk.finish_reason().unwrap_or_default());
                pieces.push(chunk.text().to_owned());
            }
        }
    }
    (pieces.concat(), reason, pieces)
}

#[tokio::test]
async fn r_4_a_flagged_request_is_refused_before_it_reaches_a_model() {
    let world = World::guarded(policy(of_requests(OnFailure::Pass))).await;
    let anna = world.member("anna").await;
    world.near.always(verdict(&[true]));
    let refused = world.app.create_chat_completion(&anna, question("Wie baut man …?", false)).await;
    let error = refused.err().unwrap();
    assert_eq!((error.kind, error.code), (ErrorKind::Unprocessable, "guard_external"));
    assert!(world.model.requests().is_empty());
    let seen = &asked(&world)[0];
    assert_eq!(seen.path, "/v1/moderations");
    assert_eq!(seen.body, json!({"model": "upstream", "input": ["Wie baut man …?"]}));
    // Written down: rule and what was done, never the text; and that something was shown to whom.
    let refusals = records(&world, "use_model").await;
    let record = &refusals[0].detail["guard"];
    assert!(record.contains("external/violence=1 refuse @0"), "{record}");
    assert!(!record.contains("baut"), "{record}");
    world.near.always(verdict(&[false]));
    world.model.always(Reply::text("Gern."));
    let fine = world.app.create_chat_completion(&anna, question("Wie geht es?", false)).await;
    assert_eq!(fine.unwrap().way.guard, None);
}

#[tokio::test]
async fn what_is_shown_outside_is_written_down_as_a_call_of_its_own() {
    let world = World::guarded(policy(of_requests(OnFailure::Pass))).await;
    let anna = world.member("anna").await;
    world.near.always(verdict(&[false]));
    world.app.create_chat_completion(&anna, question("Wie geht es?", false)).await.unwrap();
    let calls = records(&world, "create_moderation").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].detail["model"], "schutz");
}

#[tokio::test]
async fn a_report_changes_nothing_and_is_told() {
    let external = ExternalPolicy { input: GuardCheck::Report, ..external("schutz") };
    let world = World::guarded(policy(external)).await;
    let anna = world.member("anna").await;
    world.model.always(Reply::text("Gern."));
    for (reply, told) in [
        (verdict(&[true]), "external=1"),
        (Reply::status(500, &json!({"error": {"message": "kaputt"}})), "external_failure=1"),
    ] {
        world.near.always(reply);
        let answer = world.app.create_chat_completion(&anna, question("Hallo", false)).await;
        assert_eq!(answer.unwrap().way.guard.as_deref(), Some(told));
    }
}

/// Slow, broken, nonsense, too large: whoever has chosen `refuse` gets nothing through, whoever has
/// chosen `pass` is not held up for longer than the limit.
#[tokio::test]
async fn what_happens_without_a_verdict_is_the_operators_choice() {
    let huge = Reply::raw(200, "application/json", vec![vec![b' '; 1 << 20]; 6]);
    let silences = [
        ("timed-out", Reply::hang()),
        ("failed", Reply::status(500, &json!({"error": {"message": "kaputt"}}))),
        ("failed", Reply::status(401, &json!({"error": {"message": "kein Schlüssel"}}))),
        ("failed", Reply::raw(200, "application/json", ["<html>\u{fffd}"])),
        ("failed", huge),
        ("garbled", Reply::status(200, &json!({"results": []}))),
        ("garbled", Reply::status(200, &json!({"results": [{"flagged": "nein"}]}))),
        ("garbled", verdict(&[false, false])),
    ];
    for on_failure in [OnFailure::Pass, OnFailure::Refuse] {
        for (silence, reply) in &silences {
            let limit = Duration::from_millis(if *silence == "timed-out" { 200 } else { 10_000 });
            let external = ExternalPolicy { timeout: limit, ..of_requests(on_failure) };
            let world = World::guarded(policy(external)).await;
            let anna = world.member("anna").await;
            world.near.always(reply.clone());
            world.model.always(Reply::text("Gern."));
            let answer = world.app.create_chat_completion(&anna, question("Hallo", false)).await;
            let (action, record) = match (on_failure, answer) {
                (OnFailure::Pass, Ok(answer)) => {
                    assert_eq!(answer.way.guard.as_deref(), Some("external_failure=1"));
                    drop(answer);
                    ("report", records(&world, "create_chat_completion").await)
                }
                (OnFailure::Refuse, Err(error)) => {
                    assert_eq!(error.code, "guard_external_failed", "{silence}");
                    assert_eq!(error.kind, ErrorKind::UpstreamFailed);
                    assert!(world.model.requests().is_empty());
                    ("refuse", records(&world, "use_model").await)
                }
                (_, answer) => panic!("{silence}: {:?}", answer.err()),
            };
            let wanted = format!("external_failure/{silence}=1 {action}");
            assert!(record[0].detail["guard"].contains(&wanted), "{wanted}: {record:?}");
        }
    }
}

/// It has a clearance and a place like any route: what is above never goes there, and then the chosen
/// direction applies.
#[tokio::test]
async fn data_above_its_clearance_is_never_shown_to_it() {
    for (on_failure, passes) in [(OnFailure::Pass, true), (OnFailure::Refuse, false)] {
        let world = World::guarded(policy(of_requests(on_failure))).await;
        let anna = world.member("anna").await;
        let body = json!({"model": "beide", "messages": [{"role": "user", "content": "Befund"}],
            "fachwerk": {"data_class": "confidential"}});
        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
        let answer = world.app.create_chat_completion(&anna, request).await;
        assert_eq!(answer.is_ok(), passes);
        assert!(asked(&world).iter().all(|seen| seen.path != "/v1/moderations"));
        if let Err(error) = answer {
            assert_eq!(error.code, "guard_external_not_cleared");
            assert_eq!(error.kind, ErrorKind::Forbidden, "no failure that passes");
        }
    }
}

/// The policy for its own place decides what it reads, not that of the model.
#[tokio::test]
async fn it_reads_no_more_than_its_place_allows() {
    let external =
        ExternalPolicy { model: "schutz-fern".to_owned(), ..of_requests(OnFailure::Pass) };
    for (action, shown) in [
        (GuardAction::Report, Some(IBAN)),
        (GuardAction::Pseudonymise, Some("⟦IBAN1⟧")),
        (GuardAction::Mask, Some("[IBAN]")),
        (GuardAction::Refuse, None),
        (GuardAction::RaiseClass, None),
    ] {
        let elsewhere = PlaceRules::all(action, GuardAction::Mask);
        let world = World::guarded(GuardPolicy { elsewhere, ..policy(external.clone()) }).await;
        let anna = world.member("anna").await;
        world.near.always(verdict(&[false]));
        // The own model may read all of it.
        let body = json!({"model": "teuer",
            "messages": [{"role": "user", "content": format!("Konto {IBAN}")}]});
        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
        let _answer = world.app.create_chat_completion(&anna, request).await;
        let requests = asked(&world);
        let seen: Vec<_> =
            requests.iter().filter(|one| one.path.ends_with("moderations")).collect();
        match shown {
            Some(shown) => assert_eq!(seen[0].body["input"][0], format!("Konto {shown}")),
            None => assert!(seen.is_empty(), "{seen:?}"),
        }
        let chat = requests.iter().find(|one| one.path.ends_with("chat/completions")).unwrap();
        assert!(chat.body.to_string().contains(IBAN));
    }
}

/// Of several routes that may be tried, the guardrail of each is asked about the request, once; only
/// that of the route which answered is asked about the answer.
#[tokio::test]
async fn each_model_and_route_can_have_its_own() {
    let on = |route: &str| GuardScope { route: Some(route.to_owned()), ..GuardScope::default() };
    let both = ExternalPolicy { output: GuardMeasure::Stop, ..of_requests(OnFailure::Refuse) };
    let exceptions = vec![(on("fern"), policy(both))];
    let world = World::guarded_but(GuardPolicy::off(), exceptions).await;
    let anna = world.member("anna").await;
    let ask = |model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hallo"}]});
        ChatRequest::parse(body.to_string().as_bytes()).unwrap()
    };
    world.model.always(Reply::text("Gern."));
    world.app.create_chat_completion(&anna, ask("gross")).await.unwrap();
    assert!(asked(&world).is_empty());
    // Not flagged, answered by the route without one of its own.
    world.near.next(verdict(&[false]));
    let answer = world.app.create_chat_completion(&anna, ask("beide")).await.unwrap();
    assert_eq!(answer.way.taken.route, "eigene");
    let paths = asked(&world).into_iter().map(|seen| seen.path);
    assert_eq!(paths.collect::<Vec<_>>(), ["/v1/moderations", "/v1/chat/completions"]);
    world.near.always(verdict(&[true]));
    let refused = world.app.create_chat_completion(&anna, ask("beide")).await;
    assert_eq!(refused.err().unwrap().code, "guard_external");
}

#[tokio::test]
async fn every_text_of_a_long_request_is_asked_about_in_bounded_calls() {
    let world = World::guarded(policy(of_requests(OnFailure::Refuse))).await;
    let anna = world.member("anna").await;
    let long = "Wort ".repeat(40_000) + "VERBOTEN";
    // 13 pieces, four in a call.
    let refused = world.app.create_chat_completion(&anna, question(&long, false)).await;
    assert_eq!(refused.err().unwrap().code, "guard_external");
    let mut all = String::new();
    for seen in asked(&world) {
        assert!(seen.bytes.len() < 100_000, "{}", seen.bytes.len());
        let pieces = seen.body["input"].as_array().unwrap().clone();
        all.extend(pieces.iter().map(|piece| piece.as_str().unwrap().to_owned()));
    }
    assert_eq!(asked(&world).len(), 4);
    assert!(all.contains("VERBOTEN") && all.len() >= long.len());
    let world = World::guarded(policy(of_requests(OnFailure::Refuse))).await;
    let anna = world.member("anna").await;
    let request = question(&"Wort ".repeat(1_000_000), false);
    let error = world.app.create_chat_completion(&anna, request).await.err().unwrap();
    assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "guard_external_too_long"));
    assert!(asked(&world).is_empty());
    let world = World::guarded(policy(of_requests(OnFailure::Pass))).await;
    let anna = world.member("anna").await;
    world.model.always(Reply::text("Gern."));
    let request = question(&"Wort ".repeat(1_000_000), false);
    let answer = world.app.create_chat_completion(&anna, request).await.unwrap();
    assert_eq!(answer.way.guard.as_deref(), Some("external_failure=1"));
}

/// Whoever waits for an answer waits for as long as the operator has said, however long the text.
#[tokio::test]
async fn all_calls_about_a_request_share_one_time_limit() {
    let limit = Duration::from_millis(1_600);
    for (kilobytes, on_failure, is_in_time) in [
        // Five calls, the first alone, then four at once: 0.8 s of 1.6 s; one by one it were 2 s.
        (300, OnFailure::Refuse, true),
        // 33 calls, nine times 0.4 s.
        (2_000, OnFailure::Refuse, false),
        (2_000, OnFailure::Pass, false),
    ] {
        let external = ExternalPolicy { timeout: limit, ..of_requests(on_failure) };
        let world = World::guarded(policy(external)).await;
        let anna = world.member("anna").await;
        world.near.always(Reply::echo().delay(Duration::from_millis(400)));
        world.model.always(Reply::text("Gern."));
        let request = question(&"Wort ".repeat(kilobytes * 200), false);
        let answer = world.app.create_chat_completion(&anna, request).await;
        let calls = asked(&world).len();
        let told = answer.map(|answer| answer.way.guard).map_err(|error| error.code);
        let failed = Some("external_failure=1".to_owned());
        match (is_in_time, on_failure) {
            (true, _) => assert_eq!((told, calls), (Ok(None), 5)),
            (_, OnFailure::Refuse) => assert_eq!(told, Err("guard_external_failed")),
            (_, OnFailure::Pass) => assert_eq!(told, Ok(failed)),
        }
        // Four times 0.4 s are over before the limit: one call, then four at once.
        assert!(is_in_time || calls <= 1 + 4 * 4, "{calls}");
    }
}

/// Text that makes the rest late does not undo what was flagged before.
#[tokio::test]
async fn what_was_flagged_stays_so_if_the_rest_is_late() {
    let external =
        ExternalPolicy { timeout: Duration::from_millis(500), ..of_requests(OnFailure::Pass) };
    let world = World::guarded(policy(external)).await;
    let anna = world.member("anna").await;
    world.near.next(verdict(&[true, false, false, false]));
    world.near.always(Reply::hang());
    let request = question(&"Wort ".repeat(100_000), false);
    let refused = world.app.create_chat_completion(&anna, request).await;
    assert_eq!(refused.err().unwrap().code, "guard_external");
    assert!(world.model.requests().is_empty());
}

/// Guardrails know only so much text, and none says how much before it is asked.
#[tokio::test]
async fn what_is_too_long_for_it_is_asked_about_in_smaller_pieces() {
    let too_long =
        json!({"error": {"message": "maximum context length is 512 tokens", "code": 400}});
    for status in [400, 413, 422] {
        let world = World::guarded(policy(of_requests(OnFailure::Refuse))).await;
        let anna = world.member("anna").await;
        world.model.always(Reply::text("Gern."));
        let sentences: Vec<String> =
            (0..60).map(|number| format!("Das ist der Satz mit der Nummer {number}. ")).collect();
        // 2,350 bytes: refused whole and in halves, then fine.
        for reply in [Reply::status(status, &too_long), Reply::status(status, &too_long)] {
            world.near.next(reply);
        }
        world.near.always(Reply::echo());
        let answer =
            world.app.create_chat_completion(&anna, question(&sentences.concat(), false)).await;
        assert_eq!(answer.unwrap().way.guard, None, "{status}");
        let calls = asked(&world);
        let inputs = calls[2..].iter().flat_map(|call| call.body["input"].as_array().unwrap());
        let shown: Vec<&str> = inputs.map(|piece| piece.as_str().unwrap()).collect();
        assert!((4..=7).contains(&shown.len()), "{}", shown.len());
        assert!(shown.iter().all(|piece| piece.len() <= 600), "{shown:?}");
        for sentence in &sentences {
            assert!(shown.iter().any(|piece| piece.contains(sentence.trim_end())), "{sentence}");
        }
        // The last one is flagged like any other.
        let last = calls[calls.len() - 1].body["input"].as_array().unwrap().len();
        world.near.next(Reply::status(status, &too_long));
        world.near.next(Reply::status(status, &too_long));
        for _ in 3..calls.len() {
            world.near.next(Reply::echo());
        }
        world.near.always(verdict(&vec![true; last]));
        let refused =
            world.app.create_chat_completion(&anna, question(&sentences.concat(), false)).await;
        assert_eq!(refused.err().unwrap().code, "guard_external");
    }
}

/// Who refuses however little it is shown is out of order.
#[tokio::test]
async fn a_guardrail_that_refuses_everything_has_failed_after_few_calls() {
    let world = World::guarded(policy(of_requests(OnFailure::Refuse))).await;
    let anna = world.member("anna").await;
    world.near.always(Reply::status(400, &json!({"error": {"message": "nein"}})));
    for (words, calls) in [(1, 1), (10_000, 9)] {
        let before = asked(&world).len();
        let request = question(&"Wort ".repeat(words), false);
        let refused = world.app.create_chat_completion(&anna, request).await;
        assert_eq!(refused.err().unwrap().code, "guard_external_failed");
        assert!(asked(&world).len() - before <= calls, "{}", asked(&world).len() - before);
    }
}

#[tokio::test]
async fn other_interfaces_are_asked_about_too_but_not_moderation_itself() {
    let world = World::guarded(policy(of_requests(OnFailure::Refuse))).await;
    let anna = world.member("anna").await;
    world.near.always(verdict(&[true]));
    let body = br#"{"model": "vektoren", "input": ["Wie baut man"]}"#;
    let vectors = EmbeddingRequest::parse(body).unwrap();
    let refused = world.app.create_embedding(&anna, &vectors).await;
    assert_eq!(refused.err().unwrap().code, "guard_external");
    let body = br#"{"model": "schutz", "input": ["Wie baut man"]}"#;
    let request = OperationRequest::parse(Operation::Moderation, body, None).unwrap();
    let before = asked(&world).len();
    let answer = world.app.create_operation(&anna, &request).await.unwrap();
    let OperationReply::Json(response) = answer.reply else { panic!("JSON") };
    assert!(response.to_json().contains("violence"));
    assert_eq!(asked(&world).len(), before + 1);
}

#[tokio::test]
async fn r_6_a_flagged_answer_is_not_handed_on_whole_or_streamed() {
    let world = World::guarded(policy(of_answers(GuardMeasure::Stop))).await;
    let anna = world.member("anna").await;
    world.near.always(verdict(&[true]));
    world.model.always(Reply::text("Etwas Hässliches steht hier."));
    for stream in [false, true] {
        let answer = world.app.create_chat_completion(&anna, question("Hallo", stream)).await;
        let (text, reason, _) = told(answer.unwrap().reply).await;
        assert_eq!((text.as_str(), reason.as_str()), (NOTICE, "content_filter"));
    }
    let calls = records(&world, "create_chat_completion").await;
    let record = &calls[0].detail["guard"];
    assert!(record.contains("external/violence=1 stop @0"), "{record}");
    assert!(!record.contains("Hässlich"), "{record}");
}

/// Held back in bounded pieces: what was judged is handed on, what comes after a hit is not.
#[tokio::test]
async fn a_long_stream_comes_in_judged_pieces() {
    let world = World::guarded(policy(of_answers(GuardMeasure::Stop))).await;
    let anna = world.member("anna").await;
    let words: Vec<String> = (0..1_000).map(|number| format!("Wort{number} ")).collect();
    let whole = words.concat();
    world.near.always(verdict(&[false]));
    world.model.always(Reply::pieces(words.iter().map(String::as_str)));
    let answer = world.app.create_chat_completion(&anna, question("Hallo", true)).await.unwrap();
    let (text, reason, pieces) = told(answer.reply).await;
    assert_eq!((text.as_str(), reason.as_str()), (whole.as_str(), "stop"));
    assert!(pieces.len() > 900, "{}", pieces.len());
    let calls = asked(&world);
    let shown: Vec<&str> =
        calls.iter().map(|call| call.body["input"][0].as_str().unwrap()).collect();
    assert!((5..=12).contains(&shown.len()), "{}", shown.len());
    assert!(shown.iter().all(|piece| piece.len() < 1_700));
    assert!(shown[1].contains(&shown[0][shown[0].len() - 500..]), "no context");

    world.near.next(verdict(&[false]));
    world.near.always(verdict(&[true]));
    let answer = world.app.create_chat_completion(&anna, question("Hallo", true)).await.unwrap();
    let (text, reason, _) = told(answer.reply).await;
    assert_eq!(reason, "content_filter");
    let before = text.strip_suffix(NOTICE).unwrap();
    assert!(whole.starts_with(before) && before.len() < 1_100, "{text}");
    assert!(before.contains("Wort50 "), "{text}");
}

#[tokio::test]
async fn an_answer_nobody_judged_follows_the_chosen_direction() {
    for (on_failure, passes) in [(OnFailure::Pass, true), (OnFailure::Refuse, false)] {
        let external = ExternalPolicy { on_failure, ..of_answers(GuardMeasure::Stop) };
        let world = World::guarded(policy(external)).await;
        let anna = world.member("anna").await;
        world.near.always(Reply::status(500, &json!({"error": {"message": "kaputt"}})));
        world.model.always(Reply::text("Guten Tag."));
        for stream in [false, true] {
            let answer = world.app.create_chat_completion(&anna, question("Hallo", stream)).await;
            let (text, ..) = told(answer.unwrap().reply).await;
            assert_eq!(text, if passes { "Guten Tag." } else { NOTICE });
        }
    }
}

/// Personal data that may have to be hidden from it must not be cut in two on the way.
#[tokio::test]
async fn answers_are_judged_whole_where_something_may_have_to_be_hidden() {
    let external =
        ExternalPolicy { model: "schutz-fern".to_owned(), ..of_answers(GuardMeasure::Stop) };
    let elsewhere = PlaceRules::all(GuardAction::Pseudonymise, GuardAction::Mask);
    let world = World::guarded(GuardPolicy { elsewhere, ..policy(external) }).await;
    let anna = world.member("anna").await;
    world.near.always(verdict(&[false]));
    let long = "Wort ".repeat(202) + "Konto ";
    world.model.always(Reply::pieces([long.as_str(), "⟦IB", "AN1⟧ und", " mehr"]));
    let request = question(&format!("Mein Konto {IBAN}"), true);
    let answer = world.app.create_chat_completion(&anna, request).await.unwrap();
    let (text, ..) = told(answer.reply).await;
    assert_eq!(text, format!("{long}{IBAN} und mehr"));
    let calls = asked(&world);
    assert_eq!(calls.len(), 1);
    let shown = calls[0].body["input"][0].as_str().unwrap();
    assert!(shown.contains("Konto ⟦IBAN1⟧ und mehr") && !shown.contains("3704"), "{shown}");
}

async fn run(world: &World, who: &Principal) -> (String, RunState, Option<String>) {
    let talk = world.app.create_conversation(who, None).await.unwrap();
    let new = NewMessage {
        text: "Wo steht das?".to_owned(),
        model: Some("gross".to_owned()),
        data_class: Some(DataClass::Open),
        ..NewMessage::default()
    };
    let asked = world.app.create_message(who, talk.id, new).await.unwrap();
    let mut events = world.app.watch_run(who, asked.run.id).await.unwrap();
    while let Some(event) = events.next().await {
        if let RunEvent::Done { state, reason, .. } = event {
            let kept = world.app.get_conversation(who, talk.id).await.unwrap();
            return (kept.messages[1].text.clone(), state, reason);
        }
    }
    panic!("the run has no end");
}

#[tokio::test]
async fn a_conversation_shows_only_what_was_judged() {
    let world = World::guarded(policy(of_answers(GuardMeasure::Stop))).await;
    let anna = world.member("anna").await;
    world.model.always(Reply::text("Guten Tag, was kann ich tun?"));
    world.near.next(verdict(&[false]));
    let (text, state, reason) = run(&world, &anna).await;
    assert_eq!(
        (text.as_str(), state, reason),
        ("Guten Tag, was kann ich tun?", RunState::Done, None)
    );
    world.near.always(verdict(&[true]));
    let (text, state, reason) = run(&world, &anna).await;
    assert_eq!((text.as_str(), state), (NOTICE, RunState::Done));
    assert_eq!(reason.as_deref(), Some("guard_stopped"));
}
