//! Conversations, messages and runs: personal, one answer at a time, never lost.

use std::time::Duration;

use domain::{CollectionId, ConversationId, DataClass, DocumentId, Instant, PassageId, Place};
use sqlx::Executor as _;
use store::{
    Attachment, Citation, Conflict, Error, INTERRUPTED, MessageRole, NewCollection, NewQuestion,
    RouteUsed, RunEnd, RunPulse, RunState, Silent, SummaryLength, Task, TokenUsage,
};

use tokio::task::JoinSet;

use crate::world::World;

crate::on_both_engines! {
    a_question_brings_an_answer_to_be_and_a_run,
    one_run_at_a_time,
    an_answer_is_finished_once,
    quotes_go_with_their_document,
    a_run_learns_that_it_shall_stop,
    runs_of_silent_instances_are_interrupted,
    an_answer_can_be_tried_again,
    what_is_personal_stays_personal,
    the_history_is_searched_and_paged,
    deleting_leaves_nothing,
}

fn question(text: &str) -> NewQuestion {
    NewQuestion {
        text: text.to_owned(),
        attachments: vec![Attachment { document: DocumentId::new(), name: "a.pdf".to_owned() }],
        collections: vec![CollectionId::new()],
        model: Some("standard".to_owned()),
        data_class: DataClass::Personal,
        task: Task::Summary { length: SummaryLength::Medium },
        title: Some("Kündigung".to_owned()),
    }
}

fn end(state: RunState, text: &str) -> RunEnd {
    RunEnd {
        state,
        reason: None,
        text: text.to_owned(),
        citations: Vec::new(),
        removed_citations: 0,
        model: None,
        route: None,
        data_class: None,
        usage: None,
    }
}

async fn a_question_brings_an_answer_to_be_and_a_run(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap();
    assert!(!c.running);
    let new = question("Wie lange ist die Frist?");
    let asked = store.send_message(me.tenant, me.user, c.id, &new, "i").await.unwrap();
    assert_eq!(asked.question.text, new.text);
    assert_eq!(asked.question.attachments, new.attachments);
    assert_eq!(asked.question.collections, new.collections);
    assert_eq!(
        (asked.question.role, asked.answer.role),
        (MessageRole::User, MessageRole::Assistant)
    );
    assert_eq!((asked.question.ordinal, asked.answer.ordinal), (0, 1));
    assert_eq!(asked.answer.task, Some(new.task));
    assert_eq!(asked.answer.text, "");
    let run = asked.answer.run.clone().unwrap();
    assert_eq!((run.id, run.state), (asked.run.id, RunState::Running));
    let seen = store.conversation(me.tenant, me.user, c.id).await.unwrap();
    assert!(seen.running);
    assert_eq!(seen.title, "Kündigung");
    assert!(seen.updated_at > c.updated_at);
    let messages = store.messages(me.tenant, me.user, c.id, None, 100).await.unwrap().items;
    assert_eq!(messages, vec![asked.answer, asked.question]);
    assert_eq!(store.run(me.tenant, me.user, run.id).await.unwrap(), asked.run);
    let running = store.running_run(me.tenant, me.user, c.id).await.unwrap();
    assert_eq!(running, Some(asked.run));
}

async fn one_run_at_a_time(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let other = world.other().await;
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
    let new = question("?");
    let (a, b) = tokio::join!(
        store.send_message(me.tenant, me.user, c, &new, "a"),
        other.send_message(me.tenant, me.user, c, &new, "b"),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let refused = a.as_ref().err().or(b.as_ref().err()).unwrap();
    assert!(matches!(refused, Error::Conflict(Conflict::RunInProgress)), "{refused:?}");
    assert_eq!(
        store.messages(me.tenant, me.user, c, None, 100).await.unwrap().items.len(),
        2,
        "nothing half-made"
    );
    let run = a.or(b).unwrap().run;
    assert!(store.finish_run(run.id, &end(RunState::Done, "Ja.")).await.unwrap().is_some());
    let next = store.send_message(me.tenant, me.user, c, &new, "a").await.unwrap();
    assert_eq!(next.question.ordinal, 2);
}

async fn an_answer_is_finished_once(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap();
    let run = asked.run.id;
    assert_eq!(store.save_run_text(run, "Die Fr").await.unwrap(), RunPulse::Running);
    let partial = store.message(me.tenant, me.user, asked.answer.id).await.unwrap();
    assert_eq!(partial.text, "Die Fr");
    let document = world.upload(&me, "BGB.pdf", b"b").await.id;
    let citation = Citation {
        number: 1,
        document,
        document_name: "BGB.pdf".to_owned(),
        passage: PassageId::derive(document, "x", 0),
        page: Some(12),
        heading: "Buch 2 › § 573c".to_owned(),
        quote: "spätestens am dritten Werktag".to_owned(),
        start: 17,
        end: 46,
        concealed: false,
    };
    let done = RunEnd {
        citations: vec![citation.clone()],
        removed_citations: 2,
        route: Some(RouteUsed { name: "auszug".to_owned(), place: Place::Own }),
        data_class: Some(DataClass::Confidential),
        usage: Some(TokenUsage { prompt_tokens: 10, completion_tokens: 5, estimated: true }),
        ..end(RunState::Done, "Die Frist [1].")
    };
    assert!(store.finish_run(run, &done).await.unwrap().is_some());
    let kept = store.message(me.tenant, me.user, asked.answer.id).await.unwrap();
    assert_eq!((kept.text.as_str(), kept.citations), ("Die Frist [1].", vec![citation]));
    assert_eq!((kept.removed_citations, kept.data_class), (2, DataClass::Confidential));
    assert_eq!((kept.route, kept.usage), (done.route, done.usage));
    assert_eq!(kept.model.as_deref(), Some("standard"));
    assert_eq!(kept.run.unwrap().state, RunState::Done);
    assert!(store.finish_run(run, &end(RunState::Failed, "")).await.unwrap().is_none());
    assert_eq!(store.save_run_text(run, "später").await.unwrap(), RunPulse::Gone);
    let kept = store.message(me.tenant, me.user, asked.answer.id).await.unwrap();
    assert_eq!(kept.text, "Die Frist [1].");
}

async fn quotes_go_with_their_document(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let (gone, kept) =
        (world.upload(&me, "a.txt", b"a").await, world.upload(&me, "b.txt", b"b").await);
    let citation = |number, document: &store::Document, quote: &str| Citation {
        number,
        document: document.id,
        document_name: document.name.clone(),
        passage: PassageId::derive(document.id, quote, 0),
        page: None,
        heading: String::new(),
        quote: quote.to_owned(),
        start: 0,
        end: 1,
        concealed: false,
    };
    let answer = |text: &str, citations| RunEnd { citations, ..end(RunState::Done, text) };
    let (one, two) = (citation(1, &gone, "Erstens."), citation(2, &kept, "Zweitens."));
    let text = "Erstens. [1] Zweitens. [2]";
    let ask = async || {
        let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
        store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap()
    };
    let read = async |id| store.message(me.tenant, me.user, id).await.unwrap();
    let (before, late, tried) = (ask().await, ask().await, ask().await);
    let whole = answer(text, vec![one.clone(), two.clone()]);
    assert!(store.finish_run(before.run.id, &whole).await.unwrap().is_some());
    assert!(store.finish_run(tried.run.id, &whole).await.unwrap().is_some());
    // Written again without it: nothing is left to take out.
    let (_, again) = store.retry_message(me.tenant, me.user, tried.answer.id, "i").await.unwrap();
    let other = answer("Erstens. Zweitens. [1]", vec![two.clone()]);
    assert!(store.finish_run(again.id, &other).await.unwrap().is_some());

    store.delete_document(&me, gone.id, &world.blobs).await.unwrap();
    let message = read(before.answer.id).await;
    assert_eq!(message.text, "[…] [1] Zweitens. [2]");
    assert!(message.citations[0].concealed && message.citations[0].quote.is_empty());
    assert_eq!(message.citations[1], two);
    assert_eq!(read(tried.answer.id).await.text, other.text);
    // An answer that was being written meanwhile.
    let written = store.finish_run(late.run.id, &whole).await.unwrap().unwrap();
    let late = read(late.answer.id).await;
    assert_eq!(late.text, message.text);
    assert_eq!((written.text, written.citations), (late.text, late.citations));

    let collection = store
        .create_collection(
            &me,
            &NewCollection {
                name: "x".to_owned(),
                data_class: DataClass::Open,
                visibility: domain::Visibility::Private,
            },
        )
        .await
        .unwrap()
        .id;
    let pending = world.pending(b"c").await;
    let third = store.receive_document(&me, collection, "c.txt", pending, None).await.unwrap();
    let asked = ask().await;
    let text = answer("Drittens. [1]", vec![citation(1, &third.document, "Drittens.")]);
    assert!(store.finish_run(asked.run.id, &text).await.unwrap().is_some());
    store.delete_collection(&me, collection, &world.blobs).await.unwrap();
    assert_eq!(read(asked.answer.id).await.text, "[…] [1]");
}

async fn a_run_learns_that_it_shall_stop(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let stranger = world.person("stranger", &[]).await;
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap();
    let run = asked.run.id;
    assert_eq!(store.heartbeat_run(run).await.unwrap(), RunPulse::Running);
    let theirs = store.request_stop(me.tenant, stranger.user, run).await;
    assert!(matches!(theirs, Err(Error::NotFound)));
    assert!(store.request_stop(me.tenant, me.user, run).await.unwrap());
    assert_eq!(store.heartbeat_run(run).await.unwrap(), RunPulse::StopRequested);
    assert!(store.finish_run(run, &end(RunState::Stopped, "halb")).await.unwrap().is_some());
    assert!(!store.request_stop(me.tenant, me.user, run).await.unwrap());
}

async fn runs_of_silent_instances_are_interrupted(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let mut answers = Vec::new();
    for instance in ["dead", "alive"] {
        let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
        let asked = store.send_message(me.tenant, me.user, c, &question("?"), instance).await;
        let asked = asked.unwrap();
        store.save_run_text(asked.run.id, "Halbe Antwort").await.unwrap();
        answers.push(asked.answer.id);
    }
    let hour_ago = Silent::Since(Instant::now().before(Duration::from_secs(3_600)));
    assert_eq!(store.interrupt_runs(&hour_ago).await.unwrap(), 0);
    assert_eq!(store.interrupt_runs(&Silent::AllBut("alive".to_owned())).await.unwrap(), 1);
    let dead = store.message(me.tenant, me.user, answers[0]).await.unwrap();
    let run = dead.run.unwrap();
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Failed, Some(INTERRUPTED)));
    assert_eq!(dead.text, "Halbe Antwort", "what was written stays");
    let found = store.conversations(me.tenant, me.user, Some("halbe"), None, 10).await.unwrap();
    assert_eq!(found.items.len(), 1);
    let alive = store.message(me.tenant, me.user, answers[1]).await.unwrap();
    assert_eq!(alive.run.unwrap().state, RunState::Running);
    let now = Silent::Since(Instant::now().after(Duration::from_secs(1)));
    assert_eq!(store.interrupt_runs(&now).await.unwrap(), 1);
}

async fn an_answer_can_be_tried_again(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap();
    let retry = store.retry_message(me.tenant, me.user, asked.answer.id, "i").await;
    assert!(matches!(retry, Err(Error::Conflict(Conflict::RunInProgress))));
    store.finish_run(asked.run.id, &end(RunState::Failed, "halb")).await.unwrap();
    let of_question = store.retry_message(me.tenant, me.user, asked.question.id, "i").await;
    assert!(matches!(of_question, Err(Error::NotFound)));
    let (answer, run) =
        store.retry_message(me.tenant, me.user, asked.answer.id, "i").await.unwrap();
    assert_eq!((answer.id, answer.text.as_str()), (asked.answer.id, ""));
    assert_eq!(answer.run.unwrap().id, run.id);
    assert_ne!(run.id, asked.run.id);
    // The old run must not write into the new answer.
    assert!(store.finish_run(asked.run.id, &end(RunState::Done, "alt")).await.unwrap().is_none());
    assert!(store.finish_run(run.id, &end(RunState::Done, "neu")).await.unwrap().is_some());
}

async fn what_is_personal_stays_personal(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let other = world.person("other", &[]).await;
    let c = store.create_conversation(me.tenant, me.user, "geheim").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap();
    let (t, o) = (other.tenant, other.user);
    assert!(matches!(store.conversation(t, o, c).await, Err(Error::NotFound)));
    assert!(store.messages(t, o, c, None, 100).await.unwrap().items.is_empty());
    assert!(matches!(store.message(t, o, asked.answer.id).await, Err(Error::NotFound)));
    assert!(matches!(store.run(t, o, asked.run.id).await, Err(Error::NotFound)));
    assert!(store.running_run(t, o, c).await.unwrap().is_none());
    let sent = store.send_message(t, o, c, &question("?"), "i").await;
    assert!(matches!(sent, Err(Error::NotFound)));
    assert!(matches!(store.rename_conversation(t, o, c, "x").await, Err(Error::NotFound)));
    assert!(matches!(store.delete_conversation(t, o, c).await, Err(Error::NotFound)));
    let found = store.conversations(t, o, Some("geheim"), None, 10).await.unwrap();
    assert!(found.items.is_empty());
}

async fn the_history_is_searched_and_paged(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let mut made: Vec<ConversationId> = Vec::new();
    for n in 0..7 {
        let c = store.create_conversation(me.tenant, me.user, &format!("Thema {n}")).await;
        made.push(c.unwrap().id);
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.conversations(me.tenant, me.user, None, after.as_deref(), 3).await;
        let page = page.unwrap();
        seen.extend(page.items.iter().map(|c| c.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, made, "the last changed first, none twice, none left out");
    for bad in ["", "x", "1", "x.y"] {
        let refused = store.conversations(me.tenant, me.user, None, Some(bad), 3).await;
        assert!(matches!(refused, Err(Error::InvalidCursor)), "{bad:?}");
    }

    let c = made[3];
    let mut new = question("Was sagt Frau MÜLLER zur 100%-Regel_x?");
    new.title = None;
    let asked = store.send_message(me.tenant, me.user, c, &new, "i").await.unwrap();
    store.finish_run(asked.run.id, &end(RunState::Done, "Die Straße!")).await.unwrap();
    for query in ["müller", "Mueller", " 100%-regel_X ", "STRASSE!"] {
        let found = store.conversations(me.tenant, me.user, Some(query), None, 10).await.unwrap();
        let ids: Vec<ConversationId> = found.items.iter().map(|c| c.id).collect();
        assert_eq!(ids, [c], "{query}");
    }
    for query in ["100_", "%regel%", "Muller"] {
        let found = store.conversations(me.tenant, me.user, Some(query), None, 10).await.unwrap();
        assert!(found.items.is_empty(), "{query}");
    }
    store.rename_conversation(me.tenant, me.user, c, "Ölheizung").await.unwrap();
    let found = store.conversations(me.tenant, me.user, Some("ÖLHEIZ"), None, 10).await.unwrap();
    assert_eq!(found.items.len(), 1);
}

async fn deleting_leaves_nothing(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap();
    store.delete_conversation(me.tenant, me.user, c).await.unwrap();
    let gone = store.message(me.tenant, me.user, asked.answer.id).await;
    assert!(matches!(gone, Err(Error::NotFound)));
    assert_eq!(store.save_run_text(asked.run.id, "x").await.unwrap(), RunPulse::Gone);
    assert!(store.finish_run(asked.run.id, &end(RunState::Done, "x")).await.unwrap().is_none());
}

/// The end of an answer and the deletion of what it quotes, at the same time: whoever comes second
/// waits, and no quote stays. On SQLite one writer waits for the other in any case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_waits_for_the_answer_that_quotes() {
    let world = World::postgres().await;
    let (store, me) = (world.store.clone(), world.person("me", &[]).await);
    let document = world.upload(&me, "a.txt", b"a").await.id;
    let c = store.create_conversation(me.tenant, me.user, "").await.unwrap().id;
    let asked = store.send_message(me.tenant, me.user, c, &question("?"), "i").await.unwrap();
    let citation = Citation {
        number: 1,
        document,
        document_name: "a.txt".to_owned(),
        passage: PassageId::derive(document, "x", 0),
        page: None,
        heading: String::new(),
        quote: "Die Frist beträgt drei Monate.".to_owned(),
        start: 0,
        end: 1,
        concealed: false,
    };
    let text = "Die Frist beträgt drei Monate. [1]";
    let done = RunEnd { citations: vec![citation], ..end(RunState::Done, text) };

    // Holds the end of the answer back where it has looked for the document, but has not yet
    // written down that it quotes it.
    let mut held = world.connection().await.unwrap();
    held.execute("BEGIN").await.unwrap();
    held.execute("SELECT id FROM conversation FOR UPDATE").await.unwrap();
    let (one, run) = (store.clone(), asked.run.id);
    let mut finishing = JoinSet::new();
    finishing.spawn(async move { one.finish_run(run, &done).await });
    let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                 AND datname = CURRENT_DATABASE() AND query LIKE 'UPDATE conversation%'";
    while held.fetch_optional(waits).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Within a transaction the view stays as it was first seen.
        held.execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    }
    let (other, blobs, who) = (world.other().await, world.blobs.clone(), me.clone());
    let mut deleting = JoinSet::new();
    deleting.spawn(async move { other.delete_document(&who, document, &blobs).await });
    let early = tokio::time::timeout(Duration::from_millis(500), deleting.join_next()).await;
    assert!(early.is_err(), "the deletion waits");
    held.execute("COMMIT").await.unwrap();
    assert!(finishing.join_next().await.unwrap().unwrap().unwrap().is_some());
    deleting.join_next().await.unwrap().unwrap().unwrap();
    let kept = store.message(me.tenant, me.user, asked.answer.id).await.unwrap();
    assert_eq!(kept.text, "[…] [1]");
    assert!(kept.citations[0].concealed && kept.citations[0].quote.is_empty());
}
