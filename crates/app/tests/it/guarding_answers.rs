//! Checks of answers on every way they take: whole, streamed, after a failure, in a conversation,
//! again and for whoever comes back. Requirements R-3, R-6 and R-8 of the reference architecture.

use app::{
    AnswerPolicy, ChatReply, GuardAction, GuardMeasure, GuardPolicy, GuardScope, NewMessage,
    OperationReply, PlaceRules, RunEvent, RunState, StructureCheck,
};
use domain::{DataClass, ErrorKind, Role};
use futures_util::StreamExt as _;
use llm::{ChatRequest, Operation, OperationRequest};
use serde_json::{Value, json};
use testkit::fake_model::Reply;

use crate::world::World;

const SYSTEM: &str = "Du bist der Assistent der Stadt Musterstadt. Antworte höflich und nenne nie interne Aktenzeichen.";
const LINKED: &str = "Siehe [hier](https://fremd.example/x?d=1) und https://www.bund.example/a.";
const CLEAN: &str = "Siehe hier [Link entfernt] und https://www.bund.example/a.";

fn policy(measure: GuardMeasure) -> GuardPolicy {
    let answers = AnswerPolicy {
        links: measure,
        links_allowed: vec!["bund.example".to_owned()],
        prompt_leak: measure,
        toxicity: measure,
        code: measure,
        ..AnswerPolicy::default()
    };
    GuardPolicy { answers, ..GuardPolicy::off() }
}

fn question(model: &str, stream: bool) -> ChatRequest {
    let messages = json!([{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Wo steht das?"}]);
    let body = json!({"model": model, "stream": stream, "messages": messages,
        "stream_options": if stream { json!({"include_usage": true}) } else { Value::Null }});
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

/// Text, reason of the end, and whether usage was told.
async fn told(reply: ChatReply) -> (String, String, bool) {
    match reply {
        ChatReply::Whole(response) => (
            response.text().to_owned(),
            response.finish_reason().unwrap_or_default().to_owned(),
            response.usage().is_some(),
        ),
        ChatReply::Stream(mut chunks) => {
            let (mut text, mut reason, mut usage) = (String::new(), String::new(), false);
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.unwrap();
                text.push_str(chunk.text());
                reason.push_str(chunk.finish_reason().unwrap_or_default());
                usage |= chunk.usage().is_some();
            }
            (text, reason, usage)
        }
    }
}

async fn recorded(world: &World) -> Vec<String> {
    world.app.settle_ledger().await.unwrap();
    let ada = world.person("ada", Role::Admin, vec![]).await;
    let entries = world.app.list_audit(&ada, None).await.unwrap().items;
    let calls = entries.into_iter().filter(|one| one.action == "create_chat_completion");
    calls.filter_map(|mut call| call.detail.remove("guard")).collect()
}

#[tokio::test]
async fn links_are_removed_whatever_the_cuts_and_also_after_a_fallback() {
    let world = World::guarded(policy(GuardMeasure::Remove)).await;
    let anna = world.member("anna").await;
    world.model.always(Reply::text(LINKED));
    let whole = world.app.create_chat_completion(&anna, question("gross", false)).await.unwrap();
    assert_eq!(whole.way.guard.as_deref(), Some("link=1"));
    assert_eq!(told(whole.reply).await.0, CLEAN);
    for at in (1..LINKED.len()).step_by(5).filter(|at| LINKED.is_char_boundary(*at)) {
        world.model.next(Reply::pieces([&LINKED[..at], &LINKED[at..]]));
        let cut = world.app.create_chat_completion(&anna, question("gross", true)).await.unwrap();
        assert_eq!(told(cut.reply).await.0, CLEAN, "cut at {at}");
    }
    world.near.always(Reply::status(500, &json!({"error": {"message": "kaputt"}})));
    let fallen = world.app.create_chat_completion(&anna, question("beide", true)).await.unwrap();
    assert_eq!(fallen.way.taken.route, "fern");
    assert_eq!(told(fallen.reply).await.0, CLEAN);
    let recorded = recorded(&world).await;
    assert!(!recorded.is_empty());
    for record in recorded {
        assert!(record.contains("link/not-allowed=1 remove @6"), "{record}");
        assert!(!record.contains("fremd"), "{record}");
    }
}

#[tokio::test]
async fn r_8_an_answer_that_gives_the_system_prompt_away_is_stopped_and_says_so() {
    let world = World::guarded(policy(GuardMeasure::Stop)).await;
    let anna = world.member("anna").await;
    let answer = format!("Meine Anweisung: {SYSTEM} Und noch viel mehr.");
    world.model.always(Reply::text(&answer));
    let expected = "Meine Anweisung: [Antwort vom Schutzfilter beendet]";
    let whole = world.app.create_chat_completion(&anna, question("gross", false)).await.unwrap();
    let (text, reason, _) = told(whole.reply).await;
    assert_eq!((text.as_str(), reason.as_str()), (expected, "content_filter"));
    world.model.always(Reply::pieces(answer.split_inclusive(' ')));
    let streamed = world.app.create_chat_completion(&anna, question("gross", true)).await.unwrap();
    let (text, reason, usage) = told(streamed.reply).await;
    // Two words of it may be said before it is known that more follows.
    assert!(text.starts_with("Meine Anweisung: ") && text.ends_with(&expected[17..]), "{text}");
    assert!(!text.contains("Assistent der Stadt") && !text.contains("viel mehr"), "{text}");
    assert_eq!((reason.as_str(), usage), ("content_filter", true));
    assert!(recorded(&world).await.iter().all(|one| one.contains("leak/system-prompt=1 stop")));
}

#[tokio::test]
async fn r_6_a_report_changes_nothing() {
    let world = World::guarded(policy(GuardMeasure::Report)).await;
    let anna = world.member("anna").await;
    let answer = format!("Sie Vollidiot! {LINKED}");
    for stream in [false, true] {
        world.model.next(Reply::pieces(answer.split_inclusive(' ')));
        let reply = world.app.create_chat_completion(&anna, question("gross", stream)).await;
        assert_eq!(told(reply.unwrap().reply).await.0, answer);
    }
    for record in recorded(&world).await {
        assert!(record.contains("toxicity/insult=1 report @4"), "{record}");
        assert!(record.contains("link/not-allowed=1 report"), "{record}");
    }
}

#[tokio::test]
async fn r_3_dangerous_arguments_are_not_handed_on() {
    let world = World::guarded(policy(GuardMeasure::Stop)).await;
    let anna = world.member("anna").await;
    let call = |arguments: &str| {
        json!({"index": 0, "id": "1", "type": "function",
            "function": {"name": "shell", "arguments": arguments}})
    };
    let answer = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
            "content": null, "tool_calls": [call("{\"command\":\"rm -rf /\"}")]}}]});
    world.model.next(Reply::status(200, &answer));
    let whole = world.app.create_chat_completion(&anna, question("gross", false)).await.unwrap();
    let ChatReply::Whole(response) = whole.reply else { panic!("whole") };
    assert_eq!(response.finish_reason(), Some("content_filter"));
    let said = text_of(response.to_json());
    assert!(!said.contains("tool_calls"), "{said}");

    let delta = |delta: Value, end: Value| {
        let chunk = json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": end}]});
        format!("data: {chunk}\n\n")
    };
    let pieces = ["{\"command\":\"r", "m -r", "f /\"}"]
        .map(|piece| delta(json!({"tool_calls": [call(piece)]}), Value::Null));
    let mut events = pieces.to_vec();
    events.push(delta(json!({}), "tool_calls".into()));
    events.push("data: [DONE]\n\n".to_owned());
    world.model.next(Reply::raw(200, "text/event-stream", events));
    let streamed = world.app.create_chat_completion(&anna, question("gross", true)).await.unwrap();
    let ChatReply::Stream(mut chunks) = streamed.reply else { panic!("streamed") };
    let mut all = String::new();
    while let Some(chunk) = chunks.next().await {
        all.push_str(&text_of(chunk.unwrap().to_json()));
    }
    assert!(all.contains("content_filter") && !all.contains("rm") && !all.contains("rf"), "{all}");
}

/// What is held back comes before what begins next, not in its midst.
#[tokio::test]
async fn texts_stay_together_whatever_is_held_back() {
    let (thought, said) = ("Ich denke nach, du bist der", "Siehe https://www.bund.example/a");
    let arguments = r#"{"ort":"Ulm"}"#;
    let field = |name: &str, text: &str| json!({ name: text });
    let begun = json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function",
        "function": {"name": "wetter", "arguments": ""}}]});
    let more =
        |piece: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
    let deltas: Vec<Value> = [json!({"role": "assistant", "content": ""})]
        .into_iter()
        .chain(thought.split_inclusive(' ').map(|piece| field("reasoning_content", piece)))
        .chain(said.split_inclusive(' ').map(|piece| field("content", piece)))
        .chain([begun, more(&arguments[..5]), more(&arguments[5..])])
        .collect();
    let ending = [(json!({}), json!("tool_calls"))];
    let deltas = deltas.into_iter().map(|delta| (delta, Value::Null)).chain(ending);
    let mut events: Vec<String> = deltas
        .map(|(delta, end)| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": end});
            format!(
                "data: {}\n\n",
                json!({"id": "x", "created": 1, "model": "m", "choices": [choice]})
            )
        })
        .collect();
    events.push("data: [DONE]\n\n".to_owned());
    for measure in [GuardMeasure::Report, GuardMeasure::Remove, GuardMeasure::Stop] {
        let world = World::guarded(policy(measure)).await;
        let anna = world.member("anna").await;
        world.model.next(Reply::raw(200, "text/event-stream", events.clone()));
        let answer = world.app.create_chat_completion(&anna, question("gross", true)).await;
        let ChatReply::Stream(mut chunks) = answer.unwrap().reply else { panic!("streamed") };
        let mut parts: Vec<(String, String)> = vec![];
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.unwrap();
            let Some(delta) = chunk.fields()["choices"].pointer("/0/delta") else { continue };
            for (name, value) in delta.as_object().unwrap() {
                let call = value.pointer("/0/function/arguments");
                let text = call.unwrap_or(value).as_str().unwrap_or_default();
                match parts.last_mut() {
                    Some((last, all)) if last == name => all.push_str(text),
                    _ if text.is_empty() && call.is_none() || name == "role" => {}
                    _ => parts.push((name.clone(), text.to_owned())),
                }
            }
        }
        let wanted = [("reasoning_content", thought), ("content", said), ("tool_calls", arguments)];
        let wanted = wanted.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(parts, wanted, "{measure:?}");
    }
}

fn text_of(json: impl Into<Vec<u8>>) -> String {
    String::from_utf8(json.into()).unwrap()
}

/// The text of a completion, which has no message around it, and why it ended.
async fn completed(world: &World, who: &app::Principal, stream: bool) -> (String, String) {
    let body = json!({"model": "text", "prompt": "Wo steht das?", "stream": stream, "logprobs": 1});
    let body = body.to_string();
    let request = OperationRequest::parse(Operation::Completion, body.as_bytes(), None).unwrap();
    let answer = world.app.create_operation(who, &request).await.unwrap();
    let mut all = vec![];
    match answer.reply {
        OperationReply::Json(response) => all.push(response.to_json()),
        OperationReply::Stream(mut chunks) => {
            while let Some(chunk) = chunks.next().await {
                all.push(text_of(chunk.unwrap().to_json()));
            }
        }
        OperationReply::Sound(_) | OperationReply::Events(_) => panic!("no sound"),
    }
    let (mut text, mut reason) = (String::new(), String::new());
    for piece in &all {
        assert!(!piece.contains("fremd"), "{piece}");
        let piece: Value = serde_json::from_str(piece).unwrap();
        let choice = &piece["choices"][0];
        text.push_str(choice["text"].as_str().unwrap_or_default());
        reason.push_str(choice["finish_reason"].as_str().unwrap_or_default());
    }
    (text, reason)
}

fn completion(text: &str, end: Value) -> Value {
    json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "text": text, "logprobs": {"tokens": [text]}, "finish_reason": end}]})
}

/// The older interface beside chat, whole and in pieces.
#[tokio::test]
async fn completions_are_checked_like_chats() {
    for (measure, expected, reason) in [
        (GuardMeasure::Remove, CLEAN, "stop"),
        (GuardMeasure::Stop, "Siehe [Antwort vom Schutzfilter beendet]", "content_filter"),
    ] {
        let world = World::guarded(policy(measure)).await;
        let anna = world.member("anna").await;
        let expected = (expected.to_owned(), reason.to_owned());
        world.model.next(Reply::status(200, &completion(LINKED, "stop".into())));
        assert_eq!(completed(&world, &anna, false).await, expected);
        for has_end in [true, false] {
            let last = completion("", if has_end { "stop".into() } else { Value::Null });
            let pieces =
                LINKED.split_inclusive(['f', '?', ' ']).map(|at| completion(at, Value::Null));
            let events = pieces.chain([last]).map(|piece| format!("data: {piece}\n\n"));
            let events: Vec<_> = events.chain(["data: [DONE]\n\n".to_owned()]).collect();
            world.model.next(Reply::raw(200, "text/event-stream", events));
            let (text, told) = completed(&world, &anna, true).await;
            assert_eq!(text, expected.0);
            assert!(told == expected.1 || !has_end, "{told}");
        }
        world.app.settle_ledger().await.unwrap();
        let ada = world.person("ada", Role::Admin, vec![]).await;
        let entries = world.app.list_audit(&ada, None).await.unwrap().items;
        let mut calls = entries.iter().filter(|one| one.action == "create_completion");
        assert!(calls.all(|call| call.detail["guard"].contains("link/not-allowed=1")));
    }
}

/// The words of an answer also stand beside it, with their probabilities.
#[tokio::test]
async fn log_probabilities_do_not_show_what_was_removed() {
    let world = World::guarded(policy(GuardMeasure::Remove)).await;
    let anna = world.member("anna").await;
    let choice = |part: &str, end: &str| {
        json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, part: {"role": "assistant", "content": LINKED}, "finish_reason": end,
            "logprobs": {"content": [{"token": "fremd", "logprob": -0.1}]}}]})
    };
    world.model.next(Reply::status(200, &choice("message", "stop")));
    let whole = world.app.create_chat_completion(&anna, question("gross", false)).await.unwrap();
    let ChatReply::Whole(response) = whole.reply else { panic!("whole") };
    let said = text_of(response.to_json());
    assert!(!said.contains("fremd"), "{said}");
    let events = [format!("data: {}\n\n", choice("delta", "stop")), "data: [DONE]\n\n".to_owned()];
    world.model.next(Reply::raw(200, "text/event-stream", events));
    let streamed = world.app.create_chat_completion(&anna, question("gross", true)).await.unwrap();
    let ChatReply::Stream(mut chunks) = streamed.reply else { panic!("streamed") };
    while let Some(chunk) = chunks.next().await {
        let chunk = text_of(chunk.unwrap().to_json());
        assert!(!chunk.contains("fremd"), "{chunk}");
    }
}

/// Watches the run of a question to its end: all that was ever shown, how it ended, and why.
async fn ask(
    world: &World,
    who: &app::Principal,
    talk: domain::ConversationId,
    model: &str,
) -> (String, RunState, Option<String>) {
    let new = NewMessage {
        text: "Wo steht das?".to_owned(),
        model: Some(model.to_owned()),
        data_class: Some(DataClass::Open),
        ..NewMessage::default()
    };
    let asked = world.app.create_message(who, talk, new).await.unwrap();
    let mut events = world.app.watch_run(who, asked.run.id).await.unwrap();
    let mut shown = String::new();
    while let Some(event) = events.next().await {
        shown.push_str(&format!("{event:?}"));
        if let RunEvent::Done { state, reason, .. } = event {
            return (shown, state, reason);
        }
    }
    panic!("the run has no end");
}

#[tokio::test]
async fn a_conversation_shows_and_keeps_only_what_may_be_shown() {
    let world = World::guarded(policy(GuardMeasure::Remove)).await;
    let anna = world.member("anna").await;
    let talk = world.app.create_conversation(&anna, None).await.unwrap();
    world.model.always(Reply::pieces(LINKED.split_inclusive(' ')));
    let (shown, state, reason) = ask(&world, &anna, talk.id, "gross").await;
    assert!(!shown.contains("fremd.example"), "{shown}");
    assert_eq!((state, reason.as_deref()), (RunState::Done, Some("guard_removed")));
    let kept = world.app.get_conversation(&anna, talk.id).await.unwrap();
    assert_eq!(kept.messages[1].text, CLEAN);
    // Asked again, and read by a process that did not write it.
    let again = world.app.retry_message(&anna, kept.messages[1].id).await.unwrap();
    let run = again.run.unwrap().id;
    for app in [&world.app, &world.restart().await] {
        let mut events = app.watch_run(&anna, run).await.unwrap();
        let mut seen = String::new();
        while let Some(event) = events.next().await {
            seen.push_str(&format!("{event:?}"));
        }
        assert!(seen.contains("[Link entfernt]") && !seen.contains("fremd.example"), "{seen}");
    }
}

#[tokio::test]
async fn a_stopped_answer_says_so_in_the_conversation() {
    let world = World::guarded(policy(GuardMeasure::Stop)).await;
    let anna = world.member("anna").await;
    let talk = world.app.create_conversation(&anna, None).await.unwrap();
    world.model.always(Reply::pieces(LINKED.split_inclusive(' ')));
    let (_, state, reason) = ask(&world, &anna, talk.id, "gross").await;
    assert_eq!((state, reason.as_deref()), (RunState::Done, Some("guard_stopped")));
    let kept = world.app.get_conversation(&anna, talk.id).await.unwrap();
    assert_eq!(kept.messages[1].text, "Siehe [Antwort vom Schutzfilter beendet]");
}

/// Per tenant and per route: the first exception that fits holds, and of what may be tried the
/// strictest.
#[tokio::test]
async fn each_tenant_and_each_route_has_its_own_policy() {
    const IBAN: &str = "DE89 3704 0044 0532 0130 00";
    let with = |action| {
        let rules = || PlaceRules::all(action, GuardAction::Off);
        GuardPolicy { own: rules(), elsewhere: rules(), ..policy(GuardMeasure::Report) }
    };
    let on = |route: &str| GuardScope { route: Some(route.to_owned()), ..GuardScope::default() };
    let foreign = GuardScope { tenant: Some(domain::TenantId::new()), ..GuardScope::default() };
    let exceptions = vec![
        (foreign, with(GuardAction::Refuse)),
        (on("fern"), with(GuardAction::Refuse)),
        (on("wolke"), policy(GuardMeasure::Remove)),
    ];
    let world = World::guarded_but(with(GuardAction::Report), exceptions).await;
    let anna = world.member("anna").await;
    let ask = |model: &str| {
        let messages = json!([{"role": "user", "content": format!("Konto {IBAN}")}]);
        let body = json!({"model": model, "messages": messages});
        ChatRequest::parse(body.to_string().as_bytes()).unwrap()
    };
    // The route that refuses is left out, not the place or the model.
    world.near.always(Reply::text(LINKED));
    let own = world.app.create_chat_completion(&anna, ask("beide")).await.unwrap();
    assert_eq!(own.way.taken.route, "eigene");
    assert_eq!(told(own.reply).await.0, LINKED);
    world.near.always(Reply::status(500, &json!({"error": {"message": "kaputt"}})));
    let failed = world.app.create_chat_completion(&anna, ask("beide")).await;
    assert_eq!(failed.err().unwrap().kind, ErrorKind::UpstreamFailed);
    assert!(world.model.requests().is_empty());
    // Another route at the same place may receive it, and its answers are checked more strictly.
    world.model.always(Reply::text(LINKED));
    let far = world.app.create_chat_completion(&anna, ask("gross")).await.unwrap();
    assert_eq!(told(far.reply).await.0, CLEAN);
    // The other authority's policy is refusal everywhere.
    let tenants = vec![(
        GuardScope { tenant: Some(anna.tenant), ..GuardScope::default() },
        with(GuardAction::Refuse),
    )];
    let strict = World::guarded_but(with(GuardAction::Report), tenants).await;
    let berta = strict.member("berta").await;
    let meant = strict.app.create_chat_completion(&anna, ask("gross")).await;
    assert_eq!(meant.err().unwrap().code, "guard_refused");
    if berta.tenant != anna.tenant {
        assert!(strict.app.create_chat_completion(&berta, ask("gross")).await.is_ok());
    }
}

fn structure(check: StructureCheck) -> GuardPolicy {
    let answers = AnswerPolicy { structure: check, ..AnswerPolicy::default() };
    GuardPolicy { answers, ..GuardPolicy::off() }
}

/// Asks for JSON with the name of a place in it.
fn structured(mut body: Value, text: &str) -> ChatRequest {
    let schema =
        json!({"type": "object", "required": ["ort"], "properties": {"ort": {"type": "string"}}});
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "ort", "schema": schema}});
    body["messages"] = json!([{"role": "user", "content": text}]);
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn r_7_an_answer_that_does_not_fit_gets_one_more_try_whole_and_streamed() {
    let world = World::guarded(structure(StructureCheck::Repair)).await;
    let anna = world.member("anna").await;
    for stream in [false, true] {
        let before = world.model.requests().len();
        world.model.next(Reply::text(r#"{"ort":7}"#));
        world.model.next(Reply::text(r#"{"ort":"Köln"}"#));
        let request = structured(json!({"model": "gross", "stream": stream}), "Wo?");
        let answer = world.app.create_chat_completion(&anna, request).await;
        let (text, reason, _) = told(answer.unwrap().reply).await;
        assert_eq!((text.as_str(), reason.as_str()), (r#"{"ort":"Köln"}"#, "stop"));
        let requests = world.model.requests();
        assert_eq!(requests.len(), before + 2);
        let again = &requests[before + 1].body["messages"];
        assert_eq!(again[1]["content"], r#"{"ort":7}"#);
        assert!(again[2]["content"].as_str().unwrap().contains("/ort"), "{again}");
    }
    // Two calls each, both counted.
    world.app.settle_ledger().await.unwrap();
    let ada = world.person("ada", Role::Admin, vec![]).await;
    let entries = world.app.list_audit(&ada, None).await.unwrap().items;
    let calls: Vec<_> =
        entries.into_iter().filter(|one| one.action == "create_chat_completion").collect();
    // Calls that are alike share an entry, which says how many they were.
    let count = |call: &&app::AuditEntry| {
        call.detail.get("calls").map_or(1, |count| count.parse::<u32>().unwrap())
    };
    assert_eq!(calls.iter().map(|call| count(&call)).sum::<u32>(), 4);
    let is_repaired = |call: &&app::AuditEntry| {
        call.detail.get("guard").is_some_and(|guard| guard.contains("schema/differs=1 repair"))
    };
    let repaired = calls.iter().filter(is_repaired);
    assert_eq!(repaired.map(|call| count(&call)).sum::<u32>(), 2);
}

#[tokio::test]
async fn r_7_what_still_does_not_fit_is_refused_or_handed_on() {
    for (check, calls, refused) in [
        (StructureCheck::Refuse, 2, true),
        (StructureCheck::Repair, 2, false),
        (StructureCheck::Report, 1, false),
    ] {
        let world = World::guarded(structure(check)).await;
        let anna = world.member("anna").await;
        world.model.always(Reply::text("Das Rathaus steht in Köln."));
        let request = structured(json!({"model": "gross"}), "Wo?");
        let answer = world.app.create_chat_completion(&anna, request).await;
        assert_eq!(world.model.requests().len(), calls);
        match (refused, answer) {
            (true, Err(error)) => {
                assert_eq!(
                    (error.kind, error.code),
                    (ErrorKind::UpstreamFailed, "guard_structure")
                );
            }
            (false, Ok(answer)) => {
                assert!(answer.way.guard.is_some());
                assert_eq!(told(answer.reply).await.0, "Das Rathaus steht in Köln.");
            }
            (_, answer) => panic!("{:?}", answer.err()),
        }
    }
}

/// It goes to no route below the class, and shows a model no more than the first try.
#[tokio::test]
async fn r_7_the_second_try_is_on_the_same_terms() {
    const MAIL: &str = "erika.mustermann@post.example";
    let guard = GuardPolicy {
        elsewhere: PlaceRules::all(GuardAction::Pseudonymise, GuardAction::Mask),
        ..structure(StructureCheck::Repair)
    };
    let world = World::guarded(guard).await;
    let anna = world.member("anna").await;
    world.model.next(Reply::text("⟦EMAIL1⟧ schreibt nach Köln."));
    world.model.next(Reply::text(r#"{"ort":"⟦EMAIL1⟧"}"#));
    let request = structured(json!({"model": "gross"}), &format!("Wohin schreibt {MAIL}?"));
    let answer = world.app.create_chat_completion(&anna, request).await.unwrap();
    assert_eq!(told(answer.reply).await.0, format!(r#"{{"ort":"{MAIL}"}}"#));
    assert_eq!(world.model.requests().len(), 2);
    for seen in world.model.requests() {
        assert!(!seen.body.to_string().contains(MAIL), "{}", seen.body);
    }
    let world = World::guarded(structure(StructureCheck::Repair)).await;
    let anna = world.member("anna").await;
    world.near.next(Reply::text("kein JSON"));
    world.near.always(Reply::status(500, &json!({"error": {"message": "kaputt"}})));
    let body = json!({"model": "beide", "fachwerk": {"data_class": "confidential"}});
    let answer = world.app.create_chat_completion(&anna, structured(body, "Wo?")).await.unwrap();
    assert_eq!(told(answer.reply).await.0, "kein JSON");
    assert!(world.near.requests().len() > 1 && world.model.requests().is_empty());
}
