//! Takes German compounds apart: "Gerichtskostenvorschuss" is Gericht, Kosten, Vorschuss.
//!
//! A part is a base word of the lexicon with prefixes ("Vor-schuss"), one derivation ("-ung") and a
//! linking element ("-s-"). Of all ways to cover the word the one with the fewest and longest parts
//! wins; a word that is one part stays whole. Knows nothing of texts and of the index.

use crate::lexicon::{Lexicon, Place};

/// Shortest word that is looked at, in letters.
const WORD_MIN: usize = 7;
/// Longest word that is looked at; longer ones stay whole.
const WORD_MAX: usize = 64;
/// Shortest part.
const PART_MIN: usize = 3;
/// Longest part.
const PART_MAX: usize = 24;
/// Shortest stretch that may be a word we do not know ("Ludwigs-hafen").
const UNKNOWN_MIN: usize = 4;
/// Shortest known rest before and after an unknown stretch; an end is trusted more than a beginning.
const BEFORE_UNKNOWN_MIN: usize = 6;
const AFTER_UNKNOWN_MIN: usize = 5;

/// Particles that belong to the part they begin; never parts of their own.
const PREFIXES: &[&str] = &[
    "ab", "an", "auf", "aus", "be", "bei", "dar", "durch", "ein", "emp", "ent", "er", "fort", "ge",
    "gegen", "her", "hin", "hinter", "los", "miss", "mit", "nach", "neben", "nieder", "ob", "ober",
    "rund", "ruck", "uber", "um", "un", "unter", "ur", "ver", "vor", "voran", "voraus", "weg",
    "weiter", "wider", "wieder", "zer", "zu", "zurecht", "zuruck", "zusammen", "zwischen",
];

/// Derivations that make a new word of a base.
const SUFFIXES: &[&str] = &[
    "bar",
    "barkeit",
    "chen",
    "ei",
    "end",
    "er",
    "erei",
    "erin",
    "haft",
    "heit",
    "ig",
    "igkeit",
    "igung",
    "in",
    "isch",
    "keit",
    "ler",
    "lerin",
    "lich",
    "lichkeit",
    "ling",
    "los",
    "losigkeit",
    "nis",
    "sam",
    "samkeit",
    "schaft",
    "ist",
    "tum",
    "ung",
    "ier",
    "ierung",
    "iker",
];

/// Linking elements and endings, by how rarely they are meant.
const ENDINGS: &[(&str, u32)] = &[
    ("", 0),
    ("s", 2),
    ("en", 3),
    ("n", 3),
    ("es", 4),
    ("e", 5),
    ("er", 5),
    ("ern", 7),
    ("ens", 5),
    ("ns", 5),
    ("em", 7),
    ("nen", 5),
    ("innen", 5),
    ("t", 9),
    ("te", 9),
    ("ten", 9),
    ("st", 12),
    ("ste", 12),
    ("sten", 12),
    ("ster", 12),
    ("stes", 12),
];

const COST_PART: u32 = 100;
const COST_SHORT_PART: u32 = 45;
const COST_PREFIX: u32 = 12;
const COST_SUFFIX: u32 = 15;
/// From here on an ending is one of verbs and of superlatives; no derivation stands before it.
const COST_VERB_ENDING: u32 = 9;
const COST_UNKNOWN: u32 = 190;
/// A word that is one known part up to this cost stays whole.
const COST_WHOLE_MAX: u32 = 160;

/// Returns the parts of a compound that was [folded](crate::fold), as they stand in it, each with its
/// linking element; empty if it is none.
#[must_use]
pub fn parts(folded: &str) -> Vec<&str> {
    let letters = folded.len();
    let looks_german = folded.bytes().all(|letter| letter.is_ascii_lowercase());
    if !(WORD_MIN..=WORD_MAX).contains(&letters) || !looks_german {
        return Vec::new();
    }
    let lexicon = Lexicon::german();
    let whole = part_cost(lexicon, folded, true).is_some_and(|cost| cost <= COST_WHOLE_MAX);
    if whole && lexicon.place(folded).is_none() {
        return Vec::new();
    }
    let cuts = cheapest_cuts(lexicon, folded, whole);
    if cuts.len() < 3 || letters < 4 * (cuts.len() - 1) {
        return Vec::new();
    }
    cuts.windows(2).map(|cut| &folded[cut[0]..cut[1]]).collect()
}

#[derive(Clone, Copy)]
struct Best {
    cost: u32,
    from: usize,
    unknown: bool,
}

/// Finds the cheapest cover of the word; returns where its parts begin and the word's end.
/// A word of the lexicon is taken apart only into other words of it (`plain`: "Land-wirtschaft").
fn cheapest_cuts(lexicon: &Lexicon, word: &str, plain: bool) -> Vec<usize> {
    // best[k][end]: cheapest cover of the letters before `end` with k unknown stretches.
    let end = word.len();
    let mut best = vec![[None::<Best>; 2]; end + 1];
    best[0][0] = Some(Best { cost: 0, from: 0, unknown: false });
    for from in 0..end {
        for unknowns in 0..2 {
            let Some(here) = best[from][unknowns] else { continue };
            for to in from + PART_MIN..=end.min(from + PART_MAX) {
                let part = &word[from..to];
                let cost = if plain {
                    plain_cost(lexicon, part, to - from == end, to == end)
                } else {
                    part_cost(lexicon, part, to == end)
                };
                if let Some(cost) = cost {
                    let step = Best { cost: here.cost + cost, from, unknown: false };
                    improve(&mut best[to][unknowns], step);
                }
                if unknowns == 0 && !plain && may_be_unknown(part, from, end - to) {
                    let step = Best { cost: here.cost + COST_UNKNOWN, from, unknown: true };
                    improve(&mut best[to][1], step);
                }
            }
        }
    }
    let unknowns = match best[end] {
        [Some(_), _] => 0,
        [None, Some(_)] => 1,
        [None, None] => return Vec::new(),
    };
    trace(&best, end, unknowns)
}

fn improve(best: &mut Option<Best>, step: Best) {
    if best.is_none_or(|known| step.cost < known.cost) {
        *best = Some(step);
    }
}

fn trace(best: &[[Option<Best>; 2]], end: usize, mut unknowns: usize) -> Vec<usize> {
    let mut cuts = vec![end];
    let mut at = end;
    while at > 0 {
        let step = best[at][unknowns].expect("every step was reached from a step before");
        if step.unknown {
            unknowns = 0;
        }
        at = step.from;
        cuts.push(at);
    }
    cuts.reverse();
    cuts
}

/// An unknown word stands first or last, beside something long enough to be trusted.
fn may_be_unknown(part: &str, before: usize, after: usize) -> bool {
    let beside =
        (before == 0 && after >= AFTER_UNKNOWN_MIN) || (after == 0 && before >= BEFORE_UNKNOWN_MIN);
    part.len() >= UNKNOWN_MIN && beside && has_vowel(part)
}

fn has_vowel(part: &str) -> bool {
    part.bytes().any(|letter| matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
}

/// What it costs to take this stretch as one part; None: it cannot be one.
fn part_cost(lexicon: &Lexicon, part: &str, last: bool) -> Option<u32> {
    let mut cheapest = core_cost(lexicon, part, last);
    for prefix in PREFIXES {
        let Some(rest) = part.strip_prefix(prefix).filter(|rest| rest.len() >= PART_MIN) else {
            continue;
        };
        let mut cost = core_cost(lexicon, rest, true);
        for second in PREFIXES {
            if let Some(rest) = rest.strip_prefix(second).filter(|rest| rest.len() >= 4) {
                let twice = core_cost(lexicon, rest, true).map(|cost| cost + COST_PREFIX);
                cost = cheaper(cost, twice);
            }
        }
        cheapest = cheaper(cheapest, cost.map(|cost| cost + COST_PREFIX));
    }
    cheapest
}

/// What a part costs that must be a base without prefix and derivation.
fn plain_cost(lexicon: &Lexicon, part: &str, whole: bool, last: bool) -> Option<u32> {
    let endings = ENDINGS.iter().filter(|(_, cost)| *cost <= 5);
    let bases = endings.filter_map(|&(ending, cost)| Some((part.strip_suffix(ending)?, cost)));
    let long = bases.filter(|(base, _)| !whole && base.len() >= 4);
    long.filter_map(|(base, cost)| Some(base_cost(lexicon, base, last)? + cost)).min()
}

/// What a base with at most one derivation and an ending costs.
fn core_cost(lexicon: &Lexicon, core: &str, last: bool) -> Option<u32> {
    if core.len() < PART_MIN || !lexicon.may_begin(core.as_bytes()) {
        return None;
    }
    let mut cheapest = None;
    for &(ending, ending_cost) in ENDINGS {
        let Some(body) = core.strip_suffix(ending).filter(|body| body.len() >= PART_MIN) else {
            continue;
        };
        // With an ending a shortened base is a verb ("überprüf-en") and may well stand last.
        let cost = base_cost(lexicon, body, last && matches!(ending, "" | "s"));
        cheapest = cheaper(cheapest, cost.map(|cost| cost + ending_cost));
        if ending_cost >= COST_VERB_ENDING {
            continue;
        }
        for suffix in SUFFIXES {
            if let Some(base) = body.strip_suffix(suffix).filter(|base| base.len() >= 4) {
                let cost = base_cost(lexicon, base, false);
                cheapest = cheaper(cheapest, cost.map(|cost| cost + COST_SUFFIX + ending_cost));
            }
        }
    }
    cheapest
}

fn base_cost(lexicon: &Lexicon, base: &str, last: bool) -> Option<u32> {
    if PREFIXES.contains(&base) {
        return None;
    }
    match lexicon.place(base)? {
        Place::NotLast if last => None,
        _ if base.len() < 4 => Some(COST_PART + COST_SHORT_PART),
        // Of two covers with the same number of parts the one with the longer base wins.
        _ => Some(COST_PART - (base.len().min(14) as u32)),
    }
}

fn cheaper(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
