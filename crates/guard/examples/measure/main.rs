//! Judges the scanner on the test set and measures its speed. `cargo xtask bench guard` runs it.

#![expect(clippy::print_stdout, reason = "a measurement speaks on standard output")]
#![allow(missing_docs, reason = "not part of the library")]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be taken has to stop")]

mod generator;
mod numbers;
mod testset;

use guard::Scanner;
use testset::{Judgement, Sample};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let scanner = Scanner::default();
    if args[1] == "generate" {
        for (name, seed, count) in
            [("tuning", 1, 1400), ("tuning-names", 2, 1000), ("held-out", 3, 1000)]
        {
            let folder = "crates/guard/fixtures";
            let recipe = std::fs::read_to_string(format!("{folder}/templates-{name}.txt")).unwrap();
            let sentences = generator::Recipe::read(&recipe).sentences(seed, count).join("\n");
            std::fs::write(format!("{folder}/{name}.txt"), sentences + "\n").unwrap();
        }
        return;
    }
    if args[1] == "laws" {
        laws(&scanner, &args[2], args.len() > 3);
        return;
    }
    for file in &args[1..] {
        let samples = testset::read(&std::fs::read_to_string(file).unwrap());
        let judgement = judge(&scanner, &samples, true);
        println!("{file}\n{}", testset::table(&[("guard", &judgement)]));
    }
}

fn judge(scanner: &Scanner, samples: &[Sample], verbose: bool) -> Judgement {
    let mut judgement = Judgement::default();
    for sample in samples {
        let found: Vec<_> =
            scanner.scan(&sample.text).iter().map(|one| (one.kind, one.start..one.end)).collect();
        judgement.add(sample, &found);
        if verbose {
            let mut alone = Judgement::default();
            alone.add(sample, &found);
            if alone.kinds.values().any(|score| score.missed + score.wrong > 0) {
                println!("{:?}", sample.text);
                for (kind, span) in &sample.spans {
                    println!("    marked {:<16} {:?}", kind.code(), &sample.text[span.clone()]);
                }
                for one in scanner.scan(&sample.text) {
                    println!(
                        "    found  {:<16} {:?} {} {}",
                        one.kind.code(),
                        one.of(&sample.text),
                        one.rule,
                        one.score
                    );
                }
            }
        }
    }
    judgement
}

fn laws(scanner: &Scanner, folder: &str, verbose: bool) {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        text.push_str("\n\n");
    }
    let start = processor_time();
    let found = scanner.scan(&text);
    let took = processor_time() - start;
    println!(
        "{} MB in {took:?}: {:.1} MB/s, {} found",
        text.len() / 1_000_000,
        text.len() as f64 / 1e6 / took.as_secs_f64(),
        found.len()
    );
    let mut rules = std::collections::BTreeMap::<String, usize>::new();
    for one in &found {
        *rules.entry(one.rule.to_string()).or_default() += 1;
    }
    println!("{rules:?}");
    if verbose {
        for (place, one) in found.iter().enumerate() {
            if place % (found.len() / 4000 + 1) == 0 {
                let from = text.floor_char_boundary(one.start.saturating_sub(30));
                let to = text.ceil_char_boundary((one.end + 15).min(text.len()));
                println!(
                    "{} | {} | {:?}",
                    one.rule,
                    one.of(&text).replace('\n', "/"),
                    &text[from..to]
                );
            }
        }
    }
}

/// Time that this process has had a processor: other programs on the machine do not count.
fn processor_time() -> std::time::Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    std::time::Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
