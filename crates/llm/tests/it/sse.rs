//! Event streams, whatever the borders of the chunks.

use llm::{SseDecoder, SseError, SseEvent, SseLimits};
use proptest::prelude::*;

fn decode_in(pieces: &[&[u8]]) -> Vec<SseEvent> {
    let mut decoder = SseDecoder::new(SseLimits::default());
    let mut events = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut events).unwrap();
    }
    events.extend(decoder.finish().unwrap());
    events
}

fn data(text: &str) -> Vec<String> {
    decode_in(&[text.as_bytes()]).into_iter().map(|event| event.data).collect()
}

#[test]
fn every_form_of_line_end_counts() {
    assert_eq!(data("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n"), ["a", "b", "c", "d"]);
}

#[test]
fn fields_are_read_as_the_standard_says() {
    assert_eq!(data("data:a\ndata:  b\ndata\n\n"), ["a\n b\n"]);
    assert_eq!(data(": comment\n\ndata: a\nid: 7\nretry: 10\nother: x\n\n"), ["a"]);
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("event: ping\n\ndata: a\n\n"), ["a"]);
    let named = decode_in(&[b"event: error\ndata: {}\n\ndata: x\n\n"]);
    assert_eq!(named[0].name.as_deref(), Some("error"));
    assert_eq!(named[1].name, None);
}

#[test]
fn an_event_without_its_last_blank_line_counts() {
    assert_eq!(data("data: a\n\ndata: [DONE]"), ["a", "[DONE]"]);
    assert_eq!(data("data: a\n\ndata: [DONE]\n"), ["a", "[DONE]"]);
    assert_eq!(data(""), Vec::<String>::new());
}

#[test]
fn letters_may_be_cut_in_two() {
    let text = "data: Straße\r\n\r\n".as_bytes();
    for cut in 0..=text.len() {
        let events = decode_in(&[&text[..cut], &text[cut..]]);
        assert_eq!(events.len(), 1, "cut at {cut}");
        assert_eq!(events[0].data, "Straße", "cut at {cut}");
    }
    assert_eq!(decode_in(&[b"data: a\xff\n\n"])[0].data, "a\u{fffd}");
}

#[test]
fn long_lines_and_events_end_the_stream() {
    let limits = SseLimits { line_bytes: 20, event_bytes: 30 };
    let feed = |text: &str| {
        let mut events = Vec::new();
        let result = SseDecoder::new(limits).feed(text.as_bytes(), &mut events);
        (events.len(), result)
    };
    assert_eq!(feed("data: 0123456789\n\n"), (1, Ok(())));
    let long = format!("data: a\n\ndata: {}", "x".repeat(30));
    assert_eq!(feed(&long), (1, Err(SseError::LineTooLong(20))));
    let many = "data: 0123456789\n".repeat(5);
    assert_eq!(feed(&many), (0, Err(SseError::EventTooLong(30))));
    assert_eq!(feed(&"data:\n".repeat(50)), (0, Err(SseError::EventTooLong(30))));
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data".to_vec()),
        Just(b"event: e".to_vec()),
        Just(b":".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just("\u{feff}".as_bytes().to_vec()),
        "[a-zäß]{0,6}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..5),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn chunk_borders_never_matter(bytes in stream(), cuts in proptest::collection::vec(0_usize..200, 0..8)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode_in(&pieces), decode_in(&[&bytes]));
    }

    #[test]
    fn what_is_encoded_is_decoded(lines in proptest::collection::vec("[^\r\n]{0,20}", 1..5)) {
        let text: String = lines.iter().map(|line| format!("data: {line}\n")).collect();
        prop_assert_eq!(data(&format!("{text}\n")), [lines.join("\n")]);
    }
}
