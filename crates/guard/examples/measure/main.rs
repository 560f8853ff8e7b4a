//! Judges the scanner on the test set and measures its speed; `cargo xtask bench guard` runs it.
//!
//! ```text
//! measure generate                 write the generated sentences anew
//! measure export                   the sentences of all sets as lines of JSON, for another program
//! measure quality                  precision and recall alone, which needs no optimised build
//! measure tables [LAWS [SPANS]]    quality and speed; SPANS: what the other program found
//! measure mistakes FILE [small]    every sentence of a set that is judged wrong (never of a held-out one);
//!                                  small: after it was written in small letters
//! ```

#![expect(clippy::print_stdout, reason = "a measurement speaks on standard output")]

mod generator;
mod numbers;
mod speed;
mod testset;

use std::fs;

use guard::{InjectionRules, Kind, SUSPICIOUS, Scanner};
use testset::{Found, Judgement, Sample};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// Generated sets: name, seed, sentences.
const GENERATED: [(&str, u64, usize); 3] =
    [("tuning", 1, 1400), ("tuning-names", 2, 1000), ("held-out", 3, 1000)];

/// Sets that are judged together.
const TUNING: [&str; 3] = ["hand", "tuning", "tuning-names"];
const HELD_OUT: [&str; 1] = ["held-out"];
/// Styles that no other set has: the half that rules were made with, and the half nobody looked at.
const STYLES: [&str; 1] = ["realism-development"];
const STYLES_HELD_OUT: [&str; 1] = ["realism-held-out"];
/// What people type and paste, in two halves as well.
const EVERYDAY: [&str; 1] = ["everyday-development"];
const EVERYDAY_HELD_OUT: [&str; 1] = ["everyday-held-out"];
/// What is judged, in the order in which it is exported.
const SETS: [(&str, &[&str]); 6] = [
    ("Hand-written and tuning sets", &TUNING),
    ("Held-out set", &HELD_OUT),
    ("Other styles (letters, scans, tables, chat), development half", &STYLES),
    ("Other styles, held-out half", &STYLES_HELD_OUT),
    ("Everyday spellings, development half", &EVERYDAY),
    ("Everyday spellings, held-out half", &EVERYDAY_HELD_OUT),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["generate"] => generate(),
        ["export"] => export(),
        ["quality"] => quality(&Scanner::default(), None),
        ["tables"] => tables(None, None),
        ["tables", laws] => tables(Some(laws), None),
        ["tables", laws, spans] => tables(Some(laws), Some(spans)),
        ["mistakes", file] => mistakes(file, Sample::clone),
        ["mistakes", file, "small"] => mistakes(file, Sample::in_small_letters),
        _ => {
            println!("generate | export | quality | tables [LAWS [SPANS]] | mistakes FILE [small]")
        }
    }
}

fn load(name: &str) -> String {
    let path = format!("{FOLDER}/{name}.txt");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn samples(names: &[&str]) -> Vec<Sample> {
    names.iter().flat_map(|name| testset::read(&load(name))).collect()
}

fn generate() {
    for (name, seed, count) in GENERATED {
        let recipe = load(&format!("templates-{name}"));
        let sentences = generator::Recipe::read(&recipe).sentences(seed, count).join("\n");
        fs::write(format!("{FOLDER}/{name}.txt"), sentences + "\n").expect("the folder is there");
    }
}

fn export() {
    for sample in SETS.iter().flat_map(|(_, names)| samples(names)) {
        println!("{}", serde_json::json!({ "text": sample.text }));
    }
}

fn find(scanner: &Scanner, text: &str) -> Vec<Found> {
    scanner.scan(text).iter().map(|one| (one.kind, one.start..one.end)).collect()
}

fn judge<'f>(samples: &[Sample], found: impl Iterator<Item = &'f Vec<Found>>) -> Judgement {
    let mut judgement = Judgement::default();
    samples.iter().zip(found).for_each(|(sample, found)| judgement.add(sample, found));
    judgement
}

fn tables(laws: Option<&str>, spans: Option<&str>) {
    let scanner = Scanner::default();
    quality(&scanner, spans);
    speed::tables(&scanner, &samples(&TUNING), laws);
}

fn quality(scanner: &Scanner, spans: Option<&str>) {
    let spans = spans.map(read_spans);
    let mut offset = 0;
    for (title, names) in SETS {
        let samples = samples(names);
        let found: Vec<_> = samples.iter().map(|sample| find(scanner, &sample.text)).collect();
        let ours = judge(&samples, found.iter());
        let theirs = spans.as_ref().map(|spans| judge(&samples, spans[offset..].iter()));
        offset += samples.len();
        let negative = samples.iter().filter(|sample| sample.spans.is_empty()).count();
        println!(
            "**{title}**, {} sentences, {negative} of them without personal data\n",
            samples.len()
        );
        let mut columns = vec![("guard", &ours)];
        columns.extend(theirs.as_ref().map(|theirs| ("Presidio", theirs)));
        println!("{}", testset::table(&columns));
    }
    small_letters(scanner);
    injection_table();
}

/// Names in the same sets when everything is typed in small letters, as in chats.
fn small_letters(scanner: &Scanner) {
    println!("| names, all in small letters | marked | precision | recall |\n|---|---:|---:|---:|");
    for (title, names) in SETS {
        let samples: Vec<Sample> = samples(names).iter().map(Sample::in_small_letters).collect();
        let found: Vec<_> = samples.iter().map(|sample| find(scanner, &sample.text)).collect();
        let score = judge(&samples, found.iter()).kinds[&Kind::Name];
        let (marked, precision) = (score.found + score.missed, score.precision());
        println!("| {title} | {marked} | {precision:.3} | {:.3} |", score.recall());
    }
    println!();
}

/// Lines of `{"spans": [[kind, start, end, score]]}`. The least score that counts is the one at which
/// the other program does best on the tuning sets, over the kinds that it knows.
fn read_spans(file: &str) -> Vec<Vec<Found>> {
    let text = fs::read_to_string(file).expect("the other program wrote its finds");
    let samples = samples(&TUNING);
    let readings =
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6].map(|score_min| spans_from(&text, score_min));
    let quality = |spans: &Vec<Vec<Found>>| {
        let kinds = judge(&samples, spans.iter()).kinds;
        let sum = |count: fn(&testset::Score) -> usize| kinds.values().map(count).sum::<usize>();
        let (right, wrong) = (sum(|score| score.right), sum(|score| score.wrong));
        right as f64 / (right + wrong + sum(|score| score.missed)).max(1) as f64
    };
    let best = readings.into_iter().max_by(|one, other| quality(one).total_cmp(&quality(other)));
    best.expect("there are several")
}

fn spans_from(text: &str, score_min: f64) -> Vec<Vec<Found>> {
    let lines = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let spans: Vec<(String, usize, usize, f64)> =
            serde_json::from_value(line["spans"].clone()).expect("kind, start, end and score");
        let sure = spans.into_iter().filter(|span| span.3 >= score_min);
        sure.map(|(code, start, end, _)| {
            (Kind::from_code(&code).expect("a kind of ours"), start..end)
        })
        .collect()
    });
    lines.collect()
}

fn injection_table() {
    let rules = InjectionRules::default();
    println!("| instructions | sentences | suspicious |\n|---|---:|---:|");
    for (name, what) in [("attacks", "attacks"), ("no-attacks", "office prose with the same words")]
    {
        let file = load(name);
        let lines: Vec<&str> =
            file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let suspicious = lines
            .iter()
            .filter(|line| rules.inspect(&line.replace("\\n", "\n")).score >= SUSPICIOUS)
            .count();
        println!("| {what} | {} | {suspicious} |", lines.len());
    }
    println!();
}

fn mistakes(file: &str, write: fn(&Sample) -> Sample) {
    let scanner = Scanner::default();
    for sample in testset::read(&fs::read_to_string(file).expect("the file is there")) {
        let sample = write(&sample);
        let found = find(&scanner, &sample.text);
        let alone = judge(std::slice::from_ref(&sample), [found].iter());
        if alone.kinds.values().all(|score| score.missed + score.wrong == 0) {
            continue;
        }
        println!("{:?}", sample.text);
        for (kind, span) in &sample.spans {
            println!("    marked {:<16} {:?}", kind.code(), &sample.text[span.clone()]);
        }
        for one in scanner.scan(&sample.text) {
            println!(
                "    found  {:<16} {:?} by {}",
                one.kind.code(),
                one.of(&sample.text),
                one.rule
            );
        }
    }
}
