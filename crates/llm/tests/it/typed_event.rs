//! Events that say their own type, in every interface that has them.

use llm::{ChatStream, SseLimits, StreamItem, Usage};
use proptest::prelude::*;

fn read(stream: &str) -> Vec<StreamItem> {
    let mut reader = ChatStream::of_typed_events(SseLimits::default());
    let mut items = Vec::new();
    reader.feed(stream.as_bytes(), &mut items).unwrap();
    reader.finish(&mut items).unwrap();
    items
}

/// What a reader makes of a stream: its events as they are sent, each with its figures.
fn shown(stream: &str) -> Vec<String> {
    let show = |item: StreamItem| match item {
        StreamItem::Typed(event) => {
            let figures = (event.delta().len(), event.usage(), event.audio_ms());
            format!(
                "{}last {} image {} {figures:?}",
                event.to_event(),
                event.is_last(),
                event.is_of_image()
            )
        }
        other => format!("{other:?}"),
    };
    read(stream).into_iter().map(show).collect()
}

/// As OpenAI documents them.
#[test]
fn events_are_kept_and_counted() {
    for (name, stream) in [
        (
            "transcript",
            "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten\",\"x\":1}\n\n\
             data: {\"type\":\"transcript.text.done\",\"text\":\"Guten\",\"usage\":{\"type\":\"tokens\",\
             \"input_tokens\":14,\"output_tokens\":2,\"total_tokens\":16}}\n\ndata: [DONE]\n\n",
        ),
        (
            "image",
            "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\
             \"b64_json\":\"YQ==\",\"created_at\":7,\"size\":\"1024x1024\",\"quality\":\"high\",\
             \"background\":\"opaque\",\"output_format\":\"png\",\"partial_image_index\":0}\n\n\
             event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\
             \"b64_json\":\"YWI=\",\"created_at\":7,\"usage\":{\"total_tokens\":100,\"input_tokens\":50,\
             \"output_tokens\":50,\"input_tokens_details\":{\"text_tokens\":10,\"image_tokens\":40}}}\n\n",
        ),
        (
            "speech",
            "data: {\"type\":\"speech.audio.delta\",\"audio\":\"SUQz\"}\n\n\
             data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,\"output_tokens\":101,\
             \"total_tokens\":115}}\n\n",
        ),
        (
            "failure",
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"image_generation_server_error\",\
             \"message\":\"voll\"}}\n\ndata: {\"type\":\"error\",\"message\":\"voll\"}\n\n\
             event: error\ndata: {\"type\":\"server_error\",\"message\":\"voll\"}\n\n",
        ),
    ] {
        insta::assert_snapshot!(format!("events_{name}"), shown(stream).join("\n"));
    }
}

/// A name that is no type would be another event than the one that came.
#[test]
fn no_type_breaks_the_frame() {
    let stream = "event: a\ndata: {\"type\":\"a\\nevent: b\"}\n\n";
    let [StreamItem::Typed(event)] = &read(stream)[..] else { panic!() };
    assert_eq!(event.to_event(), "data: {\"type\":\"a\\nevent: b\"}\n\n");
    assert_eq!(event.usage(), None::<Usage>);
}

#[test]
fn a_picture_has_room_where_pictures_are_expected() {
    let picture = format!("data: {{\"type\":\"x\",\"b64_json\":\"{}\"}}\n\n", "A".repeat(6 << 20));
    let mut items = Vec::new();
    let mut small = ChatStream::of_typed_events(SseLimits::default());
    assert!(small.feed(picture.as_bytes(), &mut items).is_err());
    let mut large = ChatStream::of_typed_events(SseLimits::OF_MEDIA);
    large.feed(picture.as_bytes(), &mut items).unwrap();
    assert_eq!(items.len(), 1);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "((event: ?[a-z.]{0,9}\n)?data: ?\\{\"type\": ?\"[a-z.]{0,12}\"[^\n]{0,20}\\}\n\n){0,3}",
    ) {
        let mut items = Vec::new();
        let mut stream = ChatStream::of_typed_events(SseLimits::default());
        let _ = stream.feed(text.as_bytes(), &mut items);
        let _ = stream.feed(&bytes, &mut items);
        let _ = stream.finish(&mut items);
    }
}
