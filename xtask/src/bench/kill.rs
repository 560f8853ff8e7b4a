//! Kills the program in the middle of its work and counts what is missing after the next start.

use std::path::Path;
use std::sync::Mutex;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::documents::{self, File, Uploaded, locked, text};
use super::http::{Client, lost};
use super::installation::Installation;
use super::report::milliseconds;
use super::slow_model::SlowModel;
use super::{processes, report};
use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// How many uploads are acknowledged when the program is killed, round by round.
const ROUNDS: [usize; 3] = [20, 50, 80];
const UPLOADS: usize = 100;
const ANSWERS: usize = 20;
/// Answers of one person at the same time; the program refuses more than some.
const ANSWERS_EACH: usize = 7;
const CLIENTS: usize = 4;
/// Characters of a document that are searched for.
const QUERY_CHARS: usize = 200;
/// How long something may take that happens at once when all is well.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long all documents may take after the restart.
const READ_PATIENCE: Duration = Duration::from_secs(600);
/// How long child processes may outlive the program.
const ORPHANS: Duration = Duration::from_secs(5);

/// A question that the server has acknowledged.
struct Asked {
    client: Client,
    conversation: String,
    question: String,
    answer: String,
}

/// What one round found.
#[derive(Default)]
struct Findings {
    acknowledged: usize,
    ready: usize,
    failed: usize,
    asked: usize,
    ended: usize,
    missing: Vec<String>,
    restarted: Duration,
}

/// Measures and prints; a loss is a failure.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let laws = documents::folder(&documents::shared(place, "data/gesetze")?, ".md")?;
    let step = (laws.len() / UPLOADS).max(1);
    let files: Vec<File> = laws.into_iter().step_by(step).take(UPLOADS).collect();
    let report = report::Report::new("kill");
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for killed_at in ROUNDS {
        let found = round(place, program, &files, killed_at)?;
        rows.push(format!(
            "| {killed_at} of {UPLOADS} | {} | {} / {} | {} | {} | {} | {} |",
            found.acknowledged,
            found.ready,
            found.failed,
            found.asked,
            found.ended,
            milliseconds(found.restarted),
            found.missing.len(),
        ));
        missing.extend(found.missing);
    }
    report.print_head()?;
    println!(
        "| killed after | uploads acknowledged | then ready / failed | answers running | then ended \
         with a reason | ready again after | missing |\n|---|---|---|---|---|---|---|"
    );
    println!("{}", rows.join("\n"));
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("the program lost something:\n  {}", missing.join("\n  ")),
        "Look into its log, which lies beside the data folder of the bench.",
    ))
}

fn round(place: &Place, program: &Path, files: &[File], killed_at: usize) -> Outcome<Findings> {
    let model = SlowModel::start()?;
    let mut installation = Installation::fresh(place, program, "kill", &model.config())?;
    installation.start()?;
    let client = installation.client("uploads")?;
    let collection = documents::create_collection(&client, "Gesetze")?;
    let asked = ask(&installation, &model)?;
    let uploaded = Mutex::default();
    let orphans = thread::scope(|scope| {
        // It ends with an error, because the server is gone; what was acknowledged counts.
        scope.spawn(|| documents::upload_all(&client, &collection, files, CLIENTS, &uploaded));
        kill_at(&mut installation, &uploaded, killed_at)
    })?;
    let mut found = Findings { asked: asked.len(), ..Findings::default() };
    found.missing.extend(orphans);
    let uploaded = uploaded.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.acknowledged = uploaded.len();
    found.restarted = installation.start()?;
    check_documents(&client, files, &uploaded, &mut found)?;
    check_answers(&asked, &mut found)?;
    check_audit(&installation, &mut found);
    installation.stop()?;
    check_audit(&installation, &mut found);
    Ok(found)
}

/// Asks in conversations of their own, and waits until all answers have begun.
fn ask(installation: &Installation, model: &SlowModel) -> Outcome<Vec<Asked>> {
    let mut asked = Vec::new();
    for person in 0..ANSWERS.div_ceil(ANSWERS_EACH) {
        let client = installation.client(&format!("person{person}"))?;
        for _ in 0..ANSWERS_EACH.min(ANSWERS - asked.len()) {
            asked.push(ask_once(&client)?);
        }
    }
    let started = Instant::now();
    while model.seen() < ANSWERS {
        if started.elapsed() > PATIENCE {
            let seen = model.seen();
            return Err(Failure::new(
                format!("of {ANSWERS} answers only {seen} reached the model server"),
                "Look into the program's log, which lies beside the data folder of the bench.",
            ));
        }
        sleep(Duration::from_millis(5));
    }
    Ok(asked)
}

fn ask_once(client: &Client) -> Outcome<Asked> {
    let made = client.post("/api/conversations", &json!({})).map_err(|error| lost(&error))?;
    let conversation = text(&made.expect(201, "create a conversation")?, "id");
    let body = json!({ "text": "Wie lange dauert das?", "model": "slow" });
    let path = format!("/api/conversations/{conversation}/messages");
    let answer = client.post(&path, &body).map_err(|error| lost(&error))?;
    let answer = answer.expect(202, "ask")?;
    let id = |message: &str| text(&answer[message], "id");
    let (question, answer) = (id("question"), id("answer"));
    Ok(Asked { client: client.clone(), conversation, question, answer })
}

/// Kills the program as soon as so many uploads are acknowledged; tells which of its child processes
/// live on.
fn kill_at(
    installation: &mut Installation,
    uploaded: &Mutex<Vec<Uploaded>>,
    killed_at: usize,
) -> Outcome<Vec<String>> {
    let started = Instant::now();
    while locked(uploaded).len() < killed_at {
        if started.elapsed() > READ_PATIENCE {
            installation.kill();
            let done = locked(uploaded).len();
            return Err(Failure::new(
                format!("only {done} uploads were acknowledged"),
                "Look into the program's log, which lies beside the data folder of the bench.",
            ));
        }
        sleep(Duration::from_millis(1));
    }
    let children = processes::tree(installation.process()).split_off(1);
    installation.kill();
    let killed = Instant::now();
    let lives = |child: &u32| processes::field_kb(*child, "VmRSS:") > 0;
    while children.iter().any(lives) && killed.elapsed() < ORPHANS {
        sleep(Duration::from_millis(20));
    }
    let left = children.into_iter().filter(lives);
    Ok(left.map(|child| format!("process {child} outlives the program")).collect())
}

/// Every acknowledged upload is there, byte by byte, and is read or tells why not.
fn check_documents(
    client: &Client,
    files: &[File],
    uploaded: &[Uploaded],
    found: &mut Findings,
) -> Outcome {
    let started = Instant::now();
    for Uploaded { id, file } in uploaded {
        let name = &files[*file].name;
        let document = settled(client, id, started)?;
        match document["state"].as_str() {
            Some("ready") => {
                found.ready += 1;
                if !is_found(client, id)? {
                    found.missing.push(format!("{name} is ready and not found by search"));
                }
            }
            Some("failed") if document["reason"]["code"].is_string() => found.failed += 1,
            Some(state) => found.missing.push(format!("{name} stays {state}, without a reason")),
            None => found.missing.push(format!("{name} was acknowledged and is gone")),
        }
        let path = format!("/api/documents/{id}/content");
        let content = client.get(&path).map_err(|error| lost(&error))?;
        if content.status != 200 || content.body != files[*file].content {
            found.missing.push(format!("{name} comes back with other content"));
        }
    }
    Ok(())
}

/// The document when it is no longer on its way, or when patience has ended.
fn settled(client: &Client, id: &str, started: Instant) -> Outcome<Value> {
    loop {
        let answer = client.get(&format!("/api/documents/{id}")).map_err(|error| lost(&error))?;
        let document = answer.json();
        let is_over = answer.status != 200 || documents::is_settled(&document);
        if is_over || started.elapsed() > READ_PATIENCE {
            return Ok(document);
        }
        sleep(Duration::from_millis(50));
    }
}

/// Whether the words of a document's first passage find it.
fn is_found(client: &Client, id: &str) -> Outcome<bool> {
    let path = format!("/api/documents/{id}/passages?limit=1");
    let answer = client.get(&path).map_err(|error| lost(&error))?;
    let passages = answer.expect(200, "list passages")?;
    let words: String = text(&passages["items"][0], "text").chars().take(QUERY_CHARS).collect();
    let body = json!({ "query": words, "documents": [id] });
    let answer = client.post("/api/search", &body).map_err(|error| lost(&error))?;
    let answer = answer.expect(200, "search")?;
    Ok(answer["hits"].as_array().is_some_and(|hits| !hits.is_empty()))
}

/// Every acknowledged question is there, and its answer is complete or tells why not.
fn check_answers(asked: &[Asked], found: &mut Findings) -> Outcome {
    for Asked { client, conversation, question, answer } in asked {
        let path = format!("/api/conversations/{conversation}");
        let seen = client.get(&path).map_err(|error| lost(&error))?.json();
        let message = |id: &str| {
            let mut messages = seen["messages"].as_array().into_iter().flatten();
            messages.find(|message| text(message, "id") == id)
        };
        if message(question).is_none() {
            found.missing.push(format!("question {question} was acknowledged and is gone"));
        }
        let run = message(answer).map_or(&Value::Null, |message| &message["run"]);
        match run["state"].as_str() {
            Some("done") => found.ended += 1,
            Some("failed") if run["reason"]["code"].is_string() => found.ended += 1,
            state => {
                let state = state.unwrap_or("gone");
                found.missing.push(format!("answer {answer} is {state}, without a reason"));
            }
        }
    }
    Ok(())
}

fn check_audit(installation: &Installation, found: &mut Findings) {
    if let Err(failure) = installation.verify_audit() {
        found.missing.push(format!("the audit chain does not verify: {failure}"));
    }
}
