//! Precision and recall on the test set have a floor.

use guard::{Kind, Scanner};

use crate::testset::{self, Judgement, Sample};

fn judge(samples: &[Sample]) -> Judgement {
    let scanner = Scanner::default();
    let mut judgement = Judgement::default();
    for sample in samples {
        let found: Vec<_> =
            scanner.scan(&sample.text).iter().map(|one| (one.kind, one.start..one.end)).collect();
        judgement.add(sample, &found);
    }
    judgement
}

fn assert_floor(file: &str) {
    let judgement = judge(&testset::read(file));
    for (kind, score) in &judgement.kinds {
        let floor = if matches!(kind, Kind::Name | Kind::Address) { 0.85 } else { 0.95 };
        // One miss in a handful is a matter of luck, not of quality.
        let slack = if score.found + score.missed < 12 { 0.15 } else { 0.0 };
        assert!(score.recall() >= floor - slack, "recall of {kind:?}: {score:?}");
        assert!(score.precision() >= floor - slack, "precision of {kind:?}: {score:?}");
    }
}

#[test]
fn hand_written_sentences() {
    assert_floor(include_str!("../../fixtures/hand.txt"));
}

#[test]
fn generated_sentences() {
    assert_floor(include_str!("../../fixtures/tuning.txt"));
    assert_floor(include_str!("../../fixtures/tuning-names.txt"));
}

#[test]
fn the_set_is_as_large_and_as_mixed_as_promised() {
    let files = [
        include_str!("../../fixtures/hand.txt"),
        include_str!("../../fixtures/tuning.txt"),
        include_str!("../../fixtures/tuning-names.txt"),
    ];
    let samples: Vec<Sample> = files.into_iter().flat_map(testset::read).collect();
    let positive = samples.iter().filter(|sample| !sample.spans.is_empty()).count();
    assert!(samples.len() >= 2000, "{}", samples.len());
    assert!((0.45..0.55).contains(&(positive as f64 / samples.len() as f64)));
    for kind in Kind::ALL {
        let count =
            samples.iter().flat_map(|sample| &sample.spans).filter(|span| span.0 == kind).count();
        assert!(count >= 30, "{kind:?}: {count}");
    }
}
