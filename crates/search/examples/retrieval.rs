//! Measures retrieval offline: indexes documents, asks questions, scores the ranking.
//!
//! ```text
//! cargo run --release -p search --example retrieval -- ../shared/data/retrieval xquad-de legalquad
//! cargo run --release -p search --example retrieval -- --speed ../shared/data/gesetze ../shared/data/retrieval
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use domain::{CollectionId, DocumentId, PassageId, TenantId};
use search::{DocumentEntry, Index, PassageEntry, Query, Role};
use serde_json::Value;

/// Passages of about this many characters, as extraction makes them.
const PASSAGE_CHARS: usize = 800;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((flag, rest)) if flag == "--speed" && rest.len() == 2 => speed(&rest[0], &rest[1]),
        Some((dir, sets)) if !sets.is_empty() => sets.iter().for_each(|set| quality(dir, set)),
        _ => println!("usage: retrieval DIR SET… | retrieval --speed LAWS DIR"),
    }
}

fn json_lines(path: PathBuf) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Indexes one set and prints nDCG@10 over all questions and over each half.
fn quality(dir: &str, set: &str) {
    let dir = Path::new(dir);
    let documents = json_lines(dir.join(format!("{set}.docs.jsonl")));
    let questions = json_lines(dir.join(format!("{set}.dev.jsonl")));
    let place = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(place.path(), Role::Writer).unwrap();
    let (tenant, collection) = (TenantId::new(), CollectionId::new());
    let mut names = Vec::new();
    for row in &documents {
        let (name, title, text) = (field(row, "id"), field(row, "title"), field(row, "text"));
        let document = DocumentId::new();
        names.push((document, name.to_owned()));
        let title = Some(title).filter(|title| !title.is_empty());
        let entry = DocumentEntry { tenant, collection, document, title, name };
        index.upsert_document(&entry, passages(document, text)).unwrap();
    }
    index.commit().unwrap();
    let mut gains = Vec::new();
    for question in &questions {
        let readable = [collection];
        let text = field(question, "query");
        let query = Query { text, tenant, readable: &readable, documents: None, limit: 100 };
        let mut ranked: Vec<&str> = Vec::new();
        for hit in index.search(&query).unwrap() {
            let name = &names.iter().find(|(id, _)| *id == hit.document).unwrap().1;
            if !ranked.contains(&name.as_str()) {
                ranked.push(name);
            }
        }
        let rank = ranked.iter().take(10).position(|name| *name == field(question, "doc"));
        gains.push(rank.map_or(0.0, |rank| 1.0 / (rank as f64 + 2.0).log2()));
    }
    let mean = |half: &dyn Fn(usize) -> bool| {
        let of: Vec<f64> =
            gains.iter().enumerate().filter(|(at, _)| half(*at)).map(|(_, gain)| *gain).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    println!(
        "{set}: questions={} ndcg@10={:.4} even={:.4} odd={:.4}",
        questions.len(),
        mean(&|_| true),
        mean(&|at| at % 2 == 0),
        mean(&|at| at % 2 == 1),
    );
}

/// Indexes all laws and prints how long that and searching takes.
fn speed(laws: &str, questions: &str) {
    let place = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(place.path(), Role::Writer).unwrap();
    let (tenant, collection) = (TenantId::new(), CollectionId::new());
    let mut files: Vec<PathBuf> =
        fs::read_dir(laws).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (start, mut count, mut bytes) = (Instant::now(), 0, 0);
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let document = DocumentId::new();
        let passages = passages(document, &text);
        (count, bytes) = (count + passages.len(), bytes + text.len());
        let name = file.file_name().unwrap().to_str().unwrap();
        let entry = DocumentEntry { tenant, collection, document, title: None, name };
        index.upsert_document(&entry, passages).unwrap();
    }
    index.commit().unwrap();
    println!(
        "{} documents, {count} passages, {:.1} MB text: indexed in {:.1} s, {:.1} MB on disk, peak {} MB",
        files.len(),
        bytes as f64 / 1e6,
        start.elapsed().as_secs_f64(),
        size(place.path()) as f64 / 1e6,
        peak_mb(),
    );
    for set in ["legalquad", "xquad-de"] {
        let rows = json_lines(Path::new(questions).join(format!("{set}.dev.jsonl")));
        let texts: Vec<&str> = rows.iter().map(|row| field(row, "query")).collect();
        time_searches(&index, tenant, collection, set, &texts);
    }
    // The longest queries there can be: a page of a law each.
    let pages: Vec<String> = files
        .iter()
        .step_by(10)
        .map(|file| fs::read_to_string(file).unwrap().chars().skip(3_000).take(2_000).collect())
        .collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    time_searches(&index, tenant, collection, "queries of 2,000 characters", &pages);
}

fn time_searches(
    index: &Index,
    tenant: TenantId,
    collection: CollectionId,
    what: &str,
    texts: &[&str],
) {
    let mut times: Vec<Duration> = Vec::new();
    for text in texts {
        let readable = [collection];
        let query = Query { text, tenant, readable: &readable, documents: None, limit: 20 };
        let start = Instant::now();
        index.search(&query).unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "search, {what}: p50 {:.1} ms, p95 {:.1} ms, worst {:.1} ms",
        at(0.5),
        at(0.95),
        at(1.0)
    );
}

fn field<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// Cuts a text at headings, blank lines and sentence ends.
fn passages(document: DocumentId, text: &str) -> Vec<PassageEntry> {
    let mut found: Vec<PassageEntry> = Vec::new();
    let mut heading: Vec<String> = Vec::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        if let Some(title) = block.strip_prefix('#') {
            let level = title.bytes().take_while(|byte| *byte == b'#').count();
            heading.truncate(level);
            heading.push(title.trim_start_matches('#').trim().to_owned());
            continue;
        }
        for piece in pieces(block) {
            let id = PassageId::derive(document, piece, found.len() as u32);
            let (ordinal, text) = (found.len() as u32, piece.to_owned());
            found.push(PassageEntry { id, ordinal, heading: heading.clone(), text });
        }
    }
    found
}

fn pieces(block: &str) -> Vec<&str> {
    let (mut cuts, mut from) = (Vec::new(), 0);
    for sentence in text::sentences(block) {
        if sentence.end - from > PASSAGE_CHARS && sentence.start > from {
            cuts.push(&block[from..sentence.start]);
            from = sentence.start;
        }
    }
    cuts.push(&block[from..]);
    cuts
}

fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            facts if facts.is_dir() => size(&entry.path()),
            facts => facts.len(),
        })
        .sum()
}

fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0)
        / 1000
}
