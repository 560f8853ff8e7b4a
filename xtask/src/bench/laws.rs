//! A library of laws: reading all of it, then searching in it, then asking about it.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::documents;
use super::events::Events;
use super::http::{Client, lost};
use super::installation::Installation;
use super::processes::{self, Watch};
use super::questions;
use super::report::{Report, milliseconds, percentile, seconds};
use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// What is uploaded, below `../shared`.
const LAWS: &str = "data/gesetze";
const CLIENTS: usize = 4;
const SEARCHES: usize = 500;
const ANSWERS: usize = 100;
/// All laws ready.
const READ_TARGET: Duration = Duration::from_secs(180);
const SEARCH_TARGET: Duration = Duration::from_millis(30);
const ANSWER_TARGET: Duration = Duration::from_millis(300);
/// Laws that are not read by then have failed.
const PATIENCE: Duration = Duration::from_secs(1800);
/// The built-in engine.
const MODEL: &str = "fachwerk-auszug";

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let laws = documents::folder(&documents::shared(place, LAWS)?, ".md")?;
    let fixed = questions::fixed(place)?;
    let derived = questions::derived(&laws, SEARCHES.saturating_sub(fixed.len()));
    let asked: Vec<String> = fixed.into_iter().chain(derived).collect();
    let mut installation = Installation::fresh(place, program, "laws", "")?;
    installation.start()?;
    let client = installation.client("bench")?;
    let collection = documents::create_collection(&client, "Gesetze")?;
    let memory = Watch::begin(installation.process());
    let mut report = Report::new("laws");

    let used = processes::processor_time(installation.process());
    let started = Instant::now();
    documents::upload_all(&client, &collection, &laws, CLIENTS, &Mutex::default())?;
    let acknowledged = started.elapsed();
    let read = documents::wait_until_settled(&client, &collection, PATIENCE)?;
    let ready = started.elapsed();
    let used = processes::processor_time(installation.process()) - used;
    documents::all_ready(&read, laws.len())?;
    let passages: u64 = read.iter().filter_map(|law| law["passages"].as_u64()).sum();
    let bytes: usize = laws.iter().map(|law| law.content.len()).sum();
    let size = format!("{} laws, {} MB, {passages} passages", laws.len(), bytes / 1_000_000);
    report.tell("Markdown", &size);
    report.tell(&format!("all acknowledged, {CLIENTS} clients"), &seconds(acknowledged));
    report.judge("all ready", &seconds(ready), "under 180 s", ready < READ_TARGET);
    report.tell("processor time for it", &seconds(used));
    report.tell("peak memory while reading", &format!("{} MB", memory.peak_mb()));

    let searched = search(&client, &asked)?;
    tell_times(&mut report, "search", &searched, ("under 30 ms", SEARCH_TARGET));
    let answers: Vec<&String> = asked.iter().take(ANSWERS).collect();
    let answered = answer(&client, &collection, &answers)?;
    tell_times(&mut report, "first streamed content", &answered, ("under 300 ms", ANSWER_TARGET));
    report.tell("peak memory of all processes", &format!("{} MB", memory.peak_mb()));
    report.tell("memory at the end", &format!("{} MB", memory.now_mb()));
    report.print()?;
    installation.stop()
}

fn tell_times(report: &mut Report, what: &str, times: &[Duration], target: (&str, Duration)) {
    let count = times.len();
    let at = |percent| percentile(times, percent);
    report.tell(&format!("{what}, {count} times, p50"), &milliseconds(at(50)));
    let p95 = at(95);
    report.judge(&format!("{what}, p95"), &milliseconds(p95), target.0, p95 < target.1);
    report.tell(&format!("{what}, p99"), &milliseconds(at(99)));
}

/// One search after another, each on a connection of its own.
fn search(client: &Client, asked: &[String]) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    let mut empty = Vec::new();
    for query in asked {
        let started = Instant::now();
        let answer = client.post("/api/search", &json!({ "query": query }));
        let found = answer.map_err(|error| lost(&error))?;
        times.push(started.elapsed());
        let found = found.expect(200, "search")?;
        if found["hits"].as_array().is_none_or(Vec::is_empty) {
            empty.push(query.as_str());
        }
    }
    if !empty.is_empty() {
        println!("  {} searches found nothing: {}", empty.len(), empty.join(" | "));
    }
    Ok(times)
}

/// One answer after another; each is read to its end, and the time is that of its first words.
fn answer(client: &Client, collection: &str, asked: &[&String]) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    let mut cited = 0;
    for question in asked {
        let body = json!({
            "model": MODEL,
            "stream": true,
            "messages": [{ "role": "user", "content": question }],
            "fachwerk": { "collections": [collection] },
        });
        let (time, has_citations) = first_words(client, &body)?;
        times.push(time);
        cited += usize::from(has_citations);
    }
    println!("  {cited} of {} answers carry citations", asked.len());
    Ok(times)
}

fn first_words(client: &Client, body: &Value) -> Outcome<(Duration, bool)> {
    let started = Instant::now();
    let (status, stream) =
        client.post_streamed("/v1/chat/completions", body).map_err(|error| lost(&error))?;
    if status != 200 {
        return Err(broken(&format!("a chat request was answered with {status}")));
    }
    let mut first = None;
    let mut has_citations = false;
    for event in Events::new(stream) {
        let event = event.map_err(|error| lost(&error))?;
        let chunk: Value = serde_json::from_str(&event).unwrap_or_default();
        let content = chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
        if first.is_none() && !content.is_empty() {
            first = Some(started.elapsed());
        }
        let citations = chunk["fachwerk"]["citations"].as_array();
        has_citations |= citations.is_some_and(|citations| !citations.is_empty());
    }
    first.map(|time| (time, has_citations)).ok_or_else(|| broken("an answer had no content"))
}

fn broken(what: &str) -> Failure {
    Failure::new(what, "Ask the same with curl and look at the stream; see docs/guide.")
}
