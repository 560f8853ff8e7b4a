//! Forms with speech.

use llm::transcription::{
    FIELDS_MAX, SpeechTask, TranscriptFormat, TranscriptionForm, VALUE_BYTES_MAX,
};
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

proptest! {
    #[test]
    fn no_field_makes_it_panic(name in ".{0,20}", value in ".{0,20}") {
        let _ = form(SpeechTask::Transcription, &[(&name, &value)]);
    }
}
