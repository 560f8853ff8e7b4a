//! Counting tokens before a request is sent.

use std::{io::Read, time::Instant};

use infer::Tokenizer;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use testkit::weights::RandomModel;

/// Texts with their tokens in `cl100k_base` and `o200k_base`, as another implementation counts them
/// (crate bpe-openai 0.3.2).
const KNOWN: [(&str, u64, u64); 16] = [
    ("", 0, 0),
    ("a", 1, 1),
    ("tiktoken is great!", 6, 6),
    (
        "Sehr geehrte Damen und Herren,\n\nhiermit widerspreche ich dem Bescheid vom 12.03.2026 (Az. 63-4711/26) über die Ablehnung meines Bauantrags.",
        52,
        44,
    ),
    ("Donaudampfschifffahrtsgesellschaftskapitän", 17, 13),
    ("§ 58 Abs. 2 LBO, Straße, Fußgängerüberweg, Grüße!", 22, 20),
    ("  a   b\n\n\n  c\t\td  ", 10, 10),
    ("I'm you'LL we've", 7, 5),
    ("0123456789 12 345 6.789,00 €", 15, 15),
    ("🦀🦀 Krebs 🇩🇪", 14, 11),
    ("{\"name\": \"Müller\", \"plz\": [70173, 70174]}", 20, 20),
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 8, 8),
    ("\r\n \r\n x", 3, 3),
    ("中文也要数", 5, 4),
    ("ÄÖÜ äöü ẞß GROSSBUCHSTABEN camelCaseWort", 21, 21),
    ("https://www.beispiel.de/pfad/?a=b&c=d//", 15, 16),
];

#[test]
fn the_built_in_vocabularies_are_the_published_ones() {
    let sums = [
        (
            &include_bytes!("../../vocabularies/cl100k_base.tiktoken.gz")[..],
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        ),
        (
            &include_bytes!("../../vocabularies/o200k_base.tiktoken.gz")[..],
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        ),
    ];
    for (packed, expected) in sums {
        let mut file = Vec::new();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut file).unwrap();
        let sum: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, expected);
        // The ranks are the lines.
        let ranks = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (line, rank) in ranks.zip(0_u32..) {
            assert!(line.ends_with(format!(" {rank}").as_bytes()));
        }
    }
}

#[test]
fn texts_have_the_tokens_that_others_count() {
    let (cl100k, o200k) = (Tokenizer::cl100k(), Tokenizer::o200k());
    for (text, old, new) in KNOWN {
        assert_eq!(cl100k.count(text, u64::MAX), Some(old), "{text:?}");
        assert_eq!(o200k.count(text, u64::MAX), Some(new), "{text:?}");
    }
    // Made of all kinds of words, and long enough to be counted in pieces.
    let long = long_text();
    assert_eq!(cl100k.count(&long, u64::MAX), Some(80_029));
    assert_eq!(o200k.count(&long, u64::MAX), Some(73_782));
    assert_eq!(o200k.count(&long, 73_782), Some(73_782), "the bound itself is allowed");
    assert_eq!(o200k.count(&long, 73_781), None);
}

fn long_text() -> String {
    let words = [
        "Antrag",
        "der",
        "Straße",
        " ",
        "\n",
        "42",
        "1.234,5",
        "ü",
        "Übergang",
        "!",
        "GmbH",
        "🦀",
        "foo_bar",
        "(siehe",
        "oben)",
    ];
    let (mut state, mut text) = (1_u64, String::new());
    while text.len() < 200_000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[(state >> 33) as usize % words.len()]);
        if (state >> 20) & 3 != 0 {
            text.push(' ');
        }
    }
    text
}

/// Naive byte-pair encoding takes time by the square of a run of one character: hours for these.
#[test]
fn hostile_texts_of_two_megabytes_are_counted_in_bounded_time() {
    let tokenizer = Tokenizer::cl100k();
    let began = Instant::now();
    let times = |part: &str| part.repeat(2_000_000 / part.len());
    let tokens = tokenizer.count(&times("a"), u64::MAX).unwrap();
    assert!((250_000..250_100).contains(&tokens), "eight to a token: {tokens}");
    for part in [" ", "\n", "7", "ä", "🦀", "!", "\u{301}", " a"] {
        assert_eq!(tokenizer.count(&times(part), 1_000), None, "{part:?}");
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn vocabularies_in_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let gguf = folder.path().join("model.gguf");
    RandomModel::tiny("llama", testkit::weights::Numbers::F32).write(&gguf).unwrap();
    let counted = Tokenizer::open(&gguf).unwrap().count("Guten Tag", u64::MAX).unwrap();
    assert!((1..=10).contains(&counted), "{counted}");

    let json = folder.path().join("tokenizer.json");
    let words = r#"{"version": "1.0", "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {"Guten": 0, "Tag": 1, "?": 2}, "unk_token": "?"}}"#;
    std::fs::write(&json, words).unwrap();
    let tokenizer = Tokenizer::open(&json).unwrap();
    assert_eq!(tokenizer.count("Guten Tag Frau Vogt", u64::MAX), Some(4));
    assert_eq!(tokenizer.count("Guten Tag Frau Vogt", 3), None);

    std::fs::write(&json, "{}").unwrap();
    assert!(Tokenizer::open(&json).is_err());
    assert!(Tokenizer::open(&folder.path().join("fehlt.gguf")).is_err());
}

proptest! {
    /// What lets requests pass uncounted: no text has more tokens than bytes.
    #[test]
    fn no_text_has_more_tokens_than_bytes(text in "\\PC{0,60}|[ \\n\\t\\r]{0,20}|[a-zäöüß ]{0,200}") {
        for tokenizer in [Tokenizer::cl100k(), Tokenizer::o200k()] {
            let counted = tokenizer.count(&text, u64::MAX).unwrap();
            prop_assert!(counted <= text.len() as u64);
            prop_assert!(counted > 0 || text.is_empty());
        }
    }
}
