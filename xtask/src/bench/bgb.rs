//! A book of a law as one PDF: from the upload to the first hit, and the memory that takes.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::documents::{self, text};
use super::http::{Client, lost};
use super::installation::Installation;
use super::processes::{self, Watch};
use super::report::{Report, seconds};
use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// What is uploaded, below `../shared`.
const BOOK: &str = "data/pdf/bgb-gesamt.pdf";
/// Asked for until it is found: it stands on pages at the beginning, in the middle and at the end.
const QUESTIONS: [&str; 3] = [
    "Beginn der Rechtsfähigkeit des Menschen",
    "Pflichten des Mieters bei Auszug, Rückgabe der Mietsache",
    "Wer kann Erbe werden?",
];
/// Upload to searchable.
const TARGET: Duration = Duration::from_secs(20);
const MEMORY_TARGET_MB: u64 = 500;
/// A book that is not read by then has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let book = documents::file(&documents::shared(place, BOOK)?)?;
    let mut installation = Installation::fresh(place, program, "bgb", "")?;
    installation.start()?;
    let client = installation.client("bench")?;
    let collection = documents::create_collection(&client, "BGB")?;
    let memory = Watch::begin(installation.process());
    let idle = memory.now_mb();

    let mut report = Report::new("bgb");
    let used = processes::processor_time(installation.process());
    let started = Instant::now();
    let id = documents::upload(&client, &collection, &book)?;
    let acknowledged = started.elapsed();
    let document = wait_until_read(&client, &id, started)?;
    let ready = started.elapsed();
    wait_until_found(&client, &id, started)?;
    let found = started.elapsed();
    let used = processes::processor_time(installation.process()) - used;

    let pages = document["pages"].as_u64().unwrap_or(0);
    let passages = document["passages"].as_u64().unwrap_or(0);
    report.tell("PDF", &format!("{pages} pages, {passages} passages"));
    report.tell("upload acknowledged", &seconds(acknowledged));
    report.tell("state ready", &seconds(ready));
    report.judge("found by search", &seconds(found), "at most 20 s", found <= TARGET);
    report.tell("processor time for it", &seconds(used));
    report.tell("memory before", &format!("{idle} MB"));
    let peak = memory.peak_mb();
    report.judge(
        "peak memory of all processes",
        &format!("{peak} MB"),
        "under 500 MB",
        peak < MEMORY_TARGET_MB,
    );
    report.print()?;
    installation.stop()
}

fn wait_until_read(client: &Client, id: &str, started: Instant) -> Outcome<Value> {
    let path = format!("/api/documents/{id}");
    while started.elapsed() < PATIENCE {
        let answer = client.get(&path).map_err(|error| lost(&error))?;
        let document = answer.expect(200, "get a document")?;
        if documents::is_settled(&document) {
            documents::all_ready(std::slice::from_ref(&document), 1)?;
            return Ok(document);
        }
        sleep(INTERVAL);
    }
    Err(late("ready"))
}

fn wait_until_found(client: &Client, id: &str, started: Instant) -> Outcome {
    for question in QUESTIONS {
        while !is_found(client, id, question)? {
            if started.elapsed() > PATIENCE {
                return Err(late("found by search"));
            }
            sleep(INTERVAL);
        }
    }
    Ok(())
}

fn is_found(client: &Client, id: &str, question: &str) -> Outcome<bool> {
    let answer = client.post("/api/search", &json!({ "query": question }));
    let found = answer.map_err(|error| lost(&error))?.expect(200, "search")?;
    let hits = found["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(hits.iter().any(|hit| text(hit, "document_id") == id))
}

fn late(what: &str) -> Failure {
    Failure::new(
        format!("the book is not {what} after {} s", PATIENCE.as_secs()),
        "Look into the program's log, which lies beside the data folder of the bench.",
    )
}
