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
        for (name, seed, count) in [("tuning", 1, 1400), ("tuning-names", 2, 1000)] {
            let folder = "crates/guard/fixtures";
            let recipe = std::fs::read_to_string(format!("{folder}/templates-{name}.txt")).unwrap();
            let sentences = generator::Recipe::read(&recipe).sentences(seed, count).join("\n");
            std::fs::write(format!("{folder}/{name}.txt"), sentences + "\n").unwrap();
        }
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
