//! Forms with speech.

use llm::transcription::{
    FIELDS_MAX, SpeechTask, TranscriptFormat, TranscriptionForm, VALUE_BYTES_MAX,
};
use llm::{ChatStream, StreamItem};
use proptest::prelude::*;

fn form(task: SpeechTask, fields: &[(&str, &str)]) -> Result<TranscriptionForm, llm::RequestError> {
    let mut form = TranscriptionForm::new(task);
    form.add_file()?;
    for (name, value) in fields {
        form.add(name, (*value).to_owned())?;
    }
    form.finish()
}

#[test]
fn fields_go_on_in_order_with_the_servers_own_model() {
    let form = form(
        SpeechTask::Transcription,
        &[
            ("model", "standard"),
            ("language", "de"),
            ("prompt", "Bescheid, Widerspruch"),
            ("response_format", "verbose_json"),
            ("timestamp_granularities[]", "word"),
            ("timestamp_granularities[]", "segment"),
            ("stream", "true"),
            ("x_new", "1"),
            ("fachwerk", r#"{"data_class": "internal"}"#),
        ],
    )
    .unwrap();
    assert_eq!((form.model(), form.prompt()), ("standard", Some("Bescheid, Widerspruch")));
    assert!(form.stream() && form.extension().is_some());
    assert_eq!((form.format(), form.task()), (TranscriptFormat::Json, SpeechTask::Transcription));
    let sent: Vec<_> = form.upstream_fields("whisper-large-v3").collect();
    assert_eq!(sent[0], ("model", "whisper-large-v3"));
    assert_eq!(sent.len(), 8, "all but ours: {sent:?}");
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    let many: Vec<_> = (0..=FIELDS_MAX).map(|_| ("include[]", "logprobs")).collect();
    let cases: [&[(&str, &str)]; 12] = [
        &[],
        &[("model", "")],
        &[("model", "a"), ("model", "b")],
        &[("temperature", "2")],
        &[("temperature", "NaN")],
        &[("stream", "yes")],
        &[("response_format", "html")],
        &[("language", "../etc")],
        &[("model", "m"), ("timestamp_granularities[]", "word")],
        &[("fachwerk", "{")],
        &[("prompt", &long)],
        &many,
    ];
    let mut lines: Vec<String> = cases
        .iter()
        .map(|fields| form(SpeechTask::Transcription, fields).unwrap_err().to_string())
        .collect();
    lines.push(form(SpeechTask::Translation, &[("language", "de")]).unwrap_err().to_string());
    let empty = TranscriptionForm::new(SpeechTask::Translation);
    lines.push(empty.finish().unwrap_err().to_string());
    insta::assert_snapshot!("refusals", lines.join("\n"));
    let subtitles = [("model", "m"), ("response_format", "srt")];
    assert_eq!(form(SpeechTask::Translation, &subtitles).unwrap().format(), TranscriptFormat::Text);
}

#[test]
fn events_of_a_transcript_are_kept_and_counted() {
    let stream = "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten\",\"x\":1}\n\n\
        data: {\"type\":\"transcript.text.done\",\"text\":\"Guten\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\
        \"output_tokens\":2,\"total_tokens\":16}}\n\ndata: [DONE]\n\n";
    let mut items = Vec::new();
    ChatStream::of_transcript().feed(stream.as_bytes(), &mut items).unwrap();
    let [StreamItem::Transcript(delta), StreamItem::Transcript(done), StreamItem::Done] =
        &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!((delta.added_bytes(), delta.is_last(), delta.usage()), (5, false, None));
    assert_eq!(
        delta.to_event(),
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten\",\"x\":1}\n\n"
    );
    let usage = llm::Usage { prompt_tokens: 14, completion_tokens: 2 };
    assert_eq!((done.added_bytes(), done.is_last(), done.usage()), (0, true, Some(usage)));
    let failure = "event: error\ndata: {\"type\":\"server_error\",\"message\":\"voll\"}\n\n";
    items.clear();
    ChatStream::of_transcript().feed(failure.as_bytes(), &mut items).unwrap();
    assert!(matches!(&items[..], [StreamItem::Failed(_)]), "{items:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_transcripts_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "(data: ?\\{\"type\": ?\"transcript[a-z.]{0,12}\"[^\n]{0,20}\\}\n\n){0,3}",
    ) {
        let mut items = Vec::new();
        let mut stream = ChatStream::of_transcript();
        let _ = stream.feed(text.as_bytes(), &mut items);
        let _ = stream.feed(&bytes, &mut items);
        let _ = stream.finish(&mut items);
    }

    #[test]
    fn no_field_makes_it_panic(name in ".{0,20}", value in ".{0,20}") {
        let _ = form(SpeechTask::Transcription, &[(&name, &value)]);
    }
}
