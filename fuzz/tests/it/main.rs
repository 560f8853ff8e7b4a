//! Every target on stable Rust: with its seeds, and with what chance makes of them. No substitute for
//! fuzzing, but it compiles, runs and finds the obvious.
#![allow(clippy::unwrap_used)]

use fuzz::TARGETS;

/// Changed copies of each seed.
const CHANGES: u64 = 20;

#[test]
fn names_are_told_apart() {
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TARGETS.len());
}

#[test]
fn every_target_takes_its_seeds_and_what_becomes_of_them() {
    for target in TARGETS {
        (target.run)(b"");
        for seed in target.seeds {
            (target.run)(seed);
            for number in 0..CHANGES {
                let changed = changed(seed, number);
                let ran = std::panic::catch_unwind(|| (target.run)(&changed));
                if ran.is_err() {
                    panic!("{}: {:?}", target.name, String::from_utf8_lossy(&changed));
                }
            }
        }
    }
}

/// A seed with some bytes changed, taken out, doubled or swapped; the same for the same number.
fn changed(seed: &[u8], number: u64) -> Vec<u8> {
    const BYTES: &[u8] = b"\0\n\r\t \"'<>[]{}()/\\,;:=#&%0119AZaz\x7f\x80\xc3\xa4\xe2\xff";
    let mut bytes = seed.to_vec();
    // xorshift64 (Marsaglia 2003): enough to scatter changes.
    let mut state = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for _ in 0..=number % 4 {
        let at = next(bytes.len());
        match next(5) {
            _ if bytes.is_empty() => bytes.push(BYTES[next(BYTES.len())]),
            0 => bytes[at] = BYTES[next(BYTES.len())],
            1 => bytes.insert(at, BYTES[next(BYTES.len())]),
            2 => bytes.truncate(at),
            3 => {
                let end = at + next(bytes.len() - at);
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let other = next(bytes.len());
                bytes.swap(at, other);
            }
        }
    }
    bytes
}
