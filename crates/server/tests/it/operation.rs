//! What operators do to a running installation: move it to PostgreSQL, split it into processes, stop
//! it and kill it in the middle of its work.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::{
    fake_model::{FakeModel, Reply},
    postgres,
};

use crate::process::{Caller, Installation, gone};

const PASSWORD: &str = "korrekt pferd batterie";

/// A document that takes long to read: the civil code, or as much text where it is absent.
fn long_document() -> (&'static str, Vec<u8>) {
    let law = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pdf/bgb-gesamt.pdf");
    fs::read(law).map_or_else(
        |_| {
            let text = (0..300_000).map(|n| format!("Der Bescheid Nummer {n} ist ergangen.\n\n"));
            ("lang.txt", text.collect::<String>().into_bytes())
        },
        |bytes| ("bgb.pdf", bytes),
    )
}

/// A model on a fake server, open to everything.
fn fake(model: &FakeModel) -> String {
    let base_url = model.base_url();
    format!(
        "[[models]]\nname = \"gross\"\npurpose = \"Probe\"\n[[models.routes]]\nkind = \"openai\"\n\
         base_url = \"{base_url}\"\nupstream_model = \"oben\"\nplace = \"own\"\n\
         clearance = \"restricted\"\n"
    )
}

async fn conversation(caller: &Caller, question: &str) -> String {
    let (status, made) = caller.post("/api/conversations", &json!({})).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{id}/messages");
    let body = json!({"text": question, "model": "fachwerk-auszug"});
    let (status, asked) = caller.post(&path, &body).await;
    assert_eq!(status, 202, "{asked}");
    let last = |seen: &Value| seen["messages"][1]["run"]["state"].clone();
    for _ in 0..600 {
        if last(&caller.get(&format!("/api/conversations/{id}")).await.1) == "done" {
            return id;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the answer does not end");
}

#[tokio::test]
async fn an_installation_moves_to_postgresql() {
    let installation = Installation::new();
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let collection = caller.collection().await;
    for n in 0..3 {
        let text = format!("# Satzung {n}\n\nDie Hundesteuer beträgt {n}20 Euro im Jahr.");
        caller.document(&collection, &format!("satzung-{n}.md"), &text).await;
    }
    let gone = caller.document(&collection, "weg.txt", "Hundesteuer, die niemand sieht.").await;
    assert_eq!(caller.delete(&format!("/api/documents/{gone}")).await, 204);
    let talk = conversation(&caller, "Wie hoch ist die Hundesteuer?").await;
    let (_, before) = caller.get(&format!("/api/conversations/{talk}")).await;
    let found = caller.search("Wie hoch ist die Hundesteuer?").await;
    assert_eq!(found.len(), 3);

    let database = postgres::server().create_database();
    let to = ["migrate", "--to", &database];
    let busy = installation.run(&to, "");
    assert_eq!(busy.status.code(), Some(1), "copied while it runs: {busy:?}");
    assert!(String::from_utf8_lossy(&busy.stderr).contains("stop it first"), "{busy:?}");
    assert!(running.stop().await.0.success());
    let said = installation.succeed(&to, "");
    assert!(said.contains("user_account: 1 rows") && said.contains("verified"), "{said}");
    let again = installation.run(&to, "");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("already in use"), "{again:?}");

    let moved = installation.with("FACHWERK_DATABASE_URL", &database);
    moved.verify_audit();
    let running = moved.serve("all");
    let caller = running.caller(&key);
    let sign_in = json!({"email": "ada@amt.example", "password": PASSWORD});
    assert_eq!(running.caller("").post("/api/session", &sign_in).await.0, 200);
    assert_eq!(caller.search("Wie hoch ist die Hundesteuer?").await, found);
    let (_, after) = caller.get(&format!("/api/conversations/{talk}")).await;
    assert_eq!(after, before);
    caller.document(&collection, "neu.txt", "Die Hundesteuer ist abgeschafft.").await;
    assert_eq!(caller.search("Hundesteuer").await.len(), 4);
    assert!(running.stop().await.0.success());
    moved.verify_audit();
}

#[tokio::test]
async fn a_damaged_installation_is_not_copied() {
    let installation = Installation::new();
    installation.person("ada", PASSWORD);
    let file = installation.data().join("fachwerk.db");
    let whole = fs::read(&file).unwrap();
    let database = postgres::server().create_database();
    let to = ["migrate", "--to", &database];
    // An entry of the audit log, changed by somebody who can write to the file.
    let mut changed = whole.clone();
    let word = b"create_user";
    let places: Vec<_> = whole.windows(word.len()).enumerate().collect();
    let mut places = places.iter().filter(|(_, window)| *window == word).map(|(at, _)| *at);
    let at = places.next().unwrap();
    for at in [at].into_iter().chain(places) {
        changed[at..at + word.len()].copy_from_slice(b"delete_user");
    }
    fs::write(&file, &changed).unwrap();
    let refused = installation.run(&to, "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("audit log") && text.contains("nothing was kept"), "{text}");
    // A file whose pages were overwritten.
    let mut torn = whole.clone();
    let half = torn.len() / 2;
    torn[half..].fill(0xa5);
    fs::write(&file, &torn).unwrap();
    refused_at_once(&installation, &to, "malformed");
    // No database at all.
    fs::write(&file, b"Das ist keine Datenbank, sondern ein Text. ".repeat(500)).unwrap();
    refused_at_once(&installation, &to, "not a database");
    // What was refused left nothing behind: the whole file still finds its target empty.
    fs::write(&file, &whole).unwrap();
    installation.succeed(&to, "");
}

fn refused_at_once(installation: &Installation, arguments: &[&str], reason: &str) {
    let asked = Instant::now();
    let refused = installation.run(arguments, "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains(reason) && text.lines().count() == 1, "{text}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
}

/// Uploads through one process what another reads, finds it, and deletes it again.
async fn api_and_worker(installation: &Installation) {
    let key = installation.person("ada", PASSWORD);
    // In this order the one that only reads opens an index that nobody has made yet.
    let api = installation.serve("api");
    let caller = api.caller(&key);
    let collection = caller.collection().await;
    let early = caller.upload(&collection, "frueh.txt", b"Die Hundesteuer steigt.").await;
    let (_, waiting) = caller.get(&format!("/api/documents/{early}")).await;
    assert_eq!(waiting["state"], "received", "nobody works yet: {waiting}");
    assert!(caller.search("Hundesteuer").await.is_empty());
    let worker = installation.serve("worker");
    assert_eq!(caller.settled(&early).await["state"], "ready");
    let late = caller.document(&collection, "spaet.txt", "Die Hundesteuer sinkt.").await;
    assert_eq!(caller.search_until("Hundesteuer", 2).await.len(), 2);
    for id in [&early, &late] {
        assert_eq!(caller.delete(&format!("/api/documents/{id}")).await, 204);
    }
    assert!(caller.search("Hundesteuer").await.is_empty(), "deleted and found");
    // One process writes to the index; a second says why it cannot.
    let second = installation.run(&["serve", "--role", "worker"], "");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("another worker"), "{text}");
    // Requests are answered while no worker runs, and its work waits for the next one.
    assert!(worker.stop().await.0.success());
    let kept = caller.upload(&collection, "bleibt.txt", b"Die Hundesteuer bleibt.").await;
    let worker = installation.serve("worker");
    assert_eq!(caller.settled(&kept).await["state"], "ready");
    assert_eq!(caller.search_until("Hundesteuer", 1).await.len(), 1);
    assert!(worker.stop().await.0.success());
    assert!(api.stop().await.0.success());
    installation.verify_audit();
}

#[tokio::test]
async fn api_and_worker_share_an_installation_on_sqlite() {
    api_and_worker(&Installation::new()).await;
}

#[tokio::test]
async fn api_and_worker_share_an_installation_on_postgresql() {
    api_and_worker(&Installation::on(&postgres::server().create_database())).await;
}

#[tokio::test]
async fn a_stop_ends_reading_and_lets_streams_end() {
    let model = FakeModel::start().await;
    let pieces: Vec<String> = (0..10).map(|n| format!("Teil {n} ")).collect();
    model
        .always(Reply::pieces(pieces.iter().map(String::as_str)).pause(Duration::from_millis(200)));
    let installation = Installation::new().configured(&fake(&model));
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let (name, bytes) = long_document();
    let collection = caller.collection().await;
    let document = caller.upload(&collection, name, &bytes).await;
    let child = running.reading_child().await;
    let body = json!({
        "model": "gross", "stream": true, "messages": [{"role": "user", "content": "x"}],
    });
    let stream = caller.post_request("/v1/chat/completions", &body).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let streaming = tokio::spawn(stream.text());
    let (status, took) = running.stop().await;
    assert!(status.success(), "{status}: {}", installation.log());
    // The stream decides how long it takes, not the document.
    assert!(took < Duration::from_secs(12), "{took:?}");
    gone(child).await;
    let text = streaming.await.unwrap().unwrap();
    assert!(text.contains("Teil 9") && text.contains("[DONE]"), "{text}");
    let running = installation.serve("all");
    let settled = running.caller(&key).settled(&document).await;
    assert_eq!(settled["state"], "ready", "{settled}");
    drop(running);
    installation.verify_audit();
}

#[tokio::test]
async fn a_stop_has_a_deadline() {
    let model = FakeModel::start().await;
    model.always(Reply::pieces(["Ein Anfang"]).then_hang());
    let installation =
        Installation::new().configured(&fake(&model)).with("FACHWERK_LIMITS_SHUTDOWN_SECONDS", "1");
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let body = json!({
        "model": "gross", "stream": true, "messages": [{"role": "user", "content": "x"}],
    });
    let stream = caller.post_request("/v1/chat/completions", &body).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let (status, took) = running.stop().await;
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(12), "{took:?}");
    installation.verify_audit();
}

#[tokio::test]
async fn a_kill_while_a_long_document_is_read_loses_nothing() {
    let installation = Installation::new();
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let (name, bytes) = long_document();
    let collection = caller.collection().await;
    let long = caller.upload(&collection, name, &bytes).await;
    let child = running.reading_child().await;
    let short = caller.upload(&collection, "kurz.txt", b"Die Hundesteuer steigt.").await;
    running.kill();
    gone(child).await;
    let running = installation.serve("all");
    let caller = running.caller(&key);
    for document in [&long, &short] {
        let settled = caller.settled(document).await;
        assert_eq!(settled["state"], "ready", "{settled}");
    }
    assert!(!caller.search("Hundesteuer").await.is_empty());
    drop(running);
    installation.verify_audit();
}

#[tokio::test]
async fn a_kill_while_the_index_is_rebuilt_loses_nothing() {
    const DOCUMENTS: usize = 40;
    let installation = Installation::new();
    let key = installation.person("ada", PASSWORD);
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let collection = caller.collection().await;
    let text = "Die Hundesteuer steigt. Der Rat hat es beschlossen.\n\n".repeat(200);
    for n in 0..DOCUMENTS {
        let text = format!("# Satzung {n}\n\n{text}");
        caller.upload(&collection, &format!("satzung-{n}.md"), text.as_bytes()).await;
    }
    let (_, list) = caller.get(&format!("/api/collections/{collection}/documents?limit=100")).await;
    let items = list["items"].as_array().unwrap().iter();
    let ids: Vec<&str> = items.map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), DOCUMENTS);
    for id in &ids {
        assert_eq!(caller.settled(id).await["state"], "ready");
    }
    assert!(running.stop().await.0.success());

    // As after a restore: nothing is left of the index, and it is built anew at the start.
    fs::remove_dir_all(installation.data().join("index")).unwrap();
    // Killed at several moments of the rebuilding, which takes moments itself.
    for wait in [0, 50, 200] {
        let running = installation.serve("all");
        tokio::time::sleep(Duration::from_millis(wait)).await;
        running.kill();
    }
    let running = installation.serve("all");
    let caller = running.caller(&key);
    caller.found_in_each(&ids, "Hundesteuer").await;
    // And by a stop, which breaks it off too.
    assert!(running.stop().await.0.success());
    fs::remove_dir_all(installation.data().join("index")).unwrap();
    assert!(installation.serve("all").stop().await.0.success());
    let running = installation.serve("all");
    running.caller(&key).found_in_each(&ids, "Hundesteuer").await;
    drop(running);
    installation.verify_audit();
}
