//! How fast the full scan is on one core, and how often it gives a false alarm in law texts.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use guard::{Kind, Scanner, Topic, TopicRules};

use super::testset::Sample;

/// Runs of each measurement; the middle one counts.
const RUNS: usize = 5;
/// The sentences are repeated up to this size.
const SENTENCES_BYTES: usize = 8_000_000;

/// Prints the speed on the sentences, and, if there is a folder of them, on laws with the finds.
pub fn tables(scanner: &Scanner, samples: &[Sample], laws: Option<&str>) {
    println!("| text, one core, full scan | size | MB/s of processor time |\n|---|---:|---:|");
    let sentences: Vec<&str> = samples.iter().map(|sample| sample.text.as_str()).collect();
    let once = sentences.join("\n") + "\n\n";
    let repeated = once.repeat(SENTENCES_BYTES / once.len());
    let scan = |text: &str| scanner.scan(text).len();
    row("sentences of the test set, half positive", scan, &repeated);
    let pages = repeated.replace('ü', "&uuml;").replace('ä', "&auml;").replace('@', "&#64;");
    row("the same, written for pages", scan, &pages);
    let mail = repeated.replace('=', "=3D").replace('ü', "=C3=BC").replace('ä', "=C3=A4");
    row("the same, written for mail", scan, &mail);
    let address = repeated.replace('ü', "%C3%BC").replace('ä', "%C3%A4").replace(' ', "%20");
    row("the same, written for addresses", scan, &address.replace('\n', "%0A"));
    let words = ["laufendes Vergabeverfahren", "Personalrat", "Streik"].map(str::to_owned);
    let topic = Topic { id: "eigene".to_owned(), score: 1.0, words: words.into() };
    let topics = TopicRules::new(&[topic]).expect("sound topics");
    row("the same sentences, topics alone", |text| topics.inspect(text).len(), &repeated);
    let Some(laws) = laws.and_then(read_folder) else {
        println!();
        return;
    };
    row("610 laws, hardly any personal data", scan, &laws);
    println!("\n| found in the laws | places per MB |\n|---|---:|");
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for finding in scanner.scan(&laws) {
        *counts.entry(finding.kind).or_default() += 1;
    }
    for (kind, count) in counts {
        println!("| {} | {:.2} |", kind.code(), count as f64 * 1e6 / laws.len() as f64);
    }
    println!();
}

fn row(what: &str, look: impl Fn(&str) -> usize, text: &str) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = processor_time();
            std::hint::black_box(look(text));
            processor_time() - start
        })
        .collect();
    times.sort_unstable();
    let speed = text.len() as f64 / 1e6 / times[RUNS / 2].as_secs_f64();
    println!("| {what} | {:.1} MB | {speed:.1} |", text.len() as f64 / 1e6);
}

/// All files of a folder, one after the other; `None` if there is no such folder.
fn read_folder(folder: &str) -> Option<String> {
    let mut files: Vec<_> =
        fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().flat_map(fs::read_to_string).collect();
    Some(texts.join("\n\n"))
}

/// Time that this process has had a processor: other programs on the machine do not count.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").expect("Linux tells it");
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first number is the time on a processor"))
}
