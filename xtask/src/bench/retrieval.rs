//! How good the search is: documents through the public interface, questions with one right document
//! each, and the measure of the shared scorer.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::documents::{self, File, text};
use super::http::{Client, lost};
use super::installation::Installation;
use super::report::Report;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// The sets below `../shared/data/retrieval`, and the least nDCG@10.
const SETS: [(&str, f64); 2] = [("xquad-de", 0.94), ("legalquad", 0.80)];
/// Hits asked for; several passages of one document count as one.
const HITS: usize = 100;
const CLIENTS: usize = 4;
/// Documents that are not read by then have failed.
const PATIENCE: Duration = Duration::from_secs(900);

/// A question, and the documents that were found for it, best first.
struct Ranked {
    id: String,
    relevant: String,
    found: Vec<String>,
}

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let mut report = Report::new("retrieval");
    for (name, target) in SETS {
        let documents = lines(place, &format!("{name}.docs.jsonl"))?;
        let questions = lines(place, &format!("{name}.dev.jsonl"))?;
        let mut installation =
            Installation::fresh(place, program, &format!("retrieval-{name}"), "")?;
        installation.start()?;
        let client = installation.client("bench")?;
        let ranked = rank(&client, &documents, &questions)?;
        let quality = ndcg_at_10(&ranked);
        let what = format!(
            "nDCG@10 on {name} ({} documents, {} questions)",
            documents.len(),
            questions.len()
        );
        let least = format!("at least {target:.2}");
        report.judge(&what, &format!("{quality:.3}"), &least, quality >= target);
        let run = installation.folder().join("run.jsonl");
        write_run(&ranked, &run)?;
        print_shared_score(place, name, &run)?;
        installation.stop()?;
    }
    report.print()
}

fn lines(place: &Place, name: &str) -> Outcome<Vec<Value>> {
    let path = documents::shared(place, &format!("data/retrieval/{name}"))?;
    let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
    let parsed = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().map_err(|error| {
        Failure::new(format!("{name} is not one JSON a line: {error}"), "Fetch the data again.")
    })
}

fn rank(client: &Client, documents: &[Value], questions: &[Value]) -> Outcome<Vec<Ranked>> {
    let files: Vec<File> = documents.iter().map(as_file).collect();
    let collection = documents::create_collection(client, "Retrieval")?;
    documents::upload_all(client, &collection, &files, CLIENTS, &Mutex::default())?;
    let read = documents::wait_until_settled(client, &collection, PATIENCE)?;
    documents::all_ready(&read, files.len())?;
    questions.iter().map(|question| ask(client, &collection, question)).collect()
}

/// One file a document: its title as a heading, then its text.
fn as_file(document: &Value) -> File {
    let title = text(document, "title");
    let heading = if title.is_empty() { String::new() } else { format!("# {title}\n\n") };
    let content = heading + &text(document, "text") + "\n";
    File { name: format!("{}.md", text(document, "id")), content: content.into_bytes() }
}

fn ask(client: &Client, collection: &str, question: &Value) -> Outcome<Ranked> {
    let query = text(question, "query");
    let body = json!({ "query": query, "collections": [collection], "limit": HITS });
    let answer = client.post("/api/search", &body).map_err(|error| lost(&error))?;
    let answer = answer.expect(200, "search")?;
    let mut found: Vec<String> = Vec::new();
    for hit in answer["hits"].as_array().into_iter().flatten() {
        let name = text(hit, "document_name").trim_end_matches(".md").to_owned();
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(Ranked { id: text(question, "id"), relevant: text(question, "doc"), found })
}

/// One document is relevant, so the ideal is 1 and the measure needs its rank alone.
fn ndcg_at_10(ranked: &[Ranked]) -> f64 {
    let gain = |question: &Ranked| {
        let rank = question.found.iter().take(10).position(|name| *name == question.relevant)?;
        // Ranks are below ten, where every number is exact.
        Some(1.0 / (rank as f64 + 2.0).log2())
    };
    ranked.iter().filter_map(gain).sum::<f64>() / ranked.len().max(1) as f64
}

fn write_run(ranked: &[Ranked], path: &Path) -> Outcome {
    let lines = ranked.iter().map(|one| json!({ "id": one.id, "docs": one.found }).to_string());
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
}

/// The scorer that everybody shares has the last word, where there is a Python to run it.
fn print_shared_score(place: &Place, name: &str, run: &Path) -> Outcome {
    if shell::which("python3").is_none() {
        println!("  {name}: no python3 here, so the shared scorer did not check this");
        return Ok(());
    }
    let scorer = documents::shared(place, "bench/retrieval/score.py")?;
    let questions = documents::shared(place, &format!("data/retrieval/{name}.dev.jsonl"))?;
    let score = shell::read(Command::new("python3").arg(scorer).arg(questions).arg(run))?;
    println!("  {name}: {}", score.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measure_is_that_of_the_shared_scorer() {
        let ranked = |found: &[&str]| Ranked {
            id: String::new(),
            relevant: "right".into(),
            found: found.iter().map(|&name| name.to_owned()).collect(),
        };
        let late = ["x"; 10].into_iter().chain(["right"]).collect::<Vec<_>>();
        let all = [ranked(&["right"]), ranked(&["x", "right"]), ranked(&late), ranked(&[])];
        let expected = (1.0 + 1.0 / 3f64.log2()) / 4.0;
        assert!((ndcg_at_10(&all) - expected).abs() < 1e-12);
    }
}
