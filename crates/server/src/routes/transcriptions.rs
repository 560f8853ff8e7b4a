//! Speech written down, by the interfaces of OpenAI's for it. The file may stand anywhere in the form.

use std::sync::Arc;

use app::{App, Call, Language, Recording, TranscriptReply, TranscriptionRequest, Wishes};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use domain::Principal;
use http::{HeaderValue, header::CONTENT_TYPE};
use llm::{
    RequestError,
    transcription::{SpeechTask, TranscriptionForm, VALUE_BYTES_MAX},
};
use utoipa::ToSchema;

use super::{
    answer_stream::{TypedEvents, encode},
    way::{ExplainQuery, Routed, TimeoutHeader, Wished, name_way},
};
use crate::{
    door::{
        Caller, Problem, Reader, allowance, events,
        form::{Form, FormField},
    },
    front::Front,
};

/// The form of a recording.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; its fields are read one by one")]
pub(crate) struct RecordingForm {
    /// The recording; servers tell its format by its name.
    #[schema(value_type = String, format = Binary)]
    file: String,
    model: String,
    /// `json`, `text`, `srt`, `verbose_json`, `vtt` or what else the server knows.
    response_format: Option<String>,
    /// What the model shall know beforehand, e.g. names.
    prompt: Option<String>,
    /// The language that is spoken, e.g. `de`. For transcriptions.
    language: Option<String>,
    temperature: Option<f32>,
    /// Whether the transcript shall come as typed events. For transcriptions.
    stream: Option<bool>,
    /// The object `fachwerk`, as JSON.
    fachwerk: Option<String>,
}

/// Writes a recording down, whole or as a stream of typed events.
#[utoipa::path(post, path = "/v1/audio/transcriptions", tag = "openai",
    request_body(content = RecordingForm, content_type = "multipart/form-data"),
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_transcription(
    State(front): State<Front>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    request: Request,
) -> Result<Response, Problem> {
    let request = read(&front, request, SpeechTask::Transcription).await?;
    write_down(&front.app, &principal, (language, wishes), request).await
}

/// Writes a recording down in English.
#[utoipa::path(post, path = "/v1/audio/translations", tag = "openai",
    request_body(content = RecordingForm, content_type = "multipart/form-data"),
    params(ExplainQuery, TimeoutHeader), responses(Routed))]
pub(crate) async fn create_translation(
    State(front): State<Front>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Wished(wishes): Wished,
    request: Request,
) -> Result<Response, Problem> {
    let request = read(&front, request, SpeechTask::Translation).await?;
    write_down(&front.app, &principal, (language, wishes), request).await
}

/// Reads the form. The recording is kept once, in the pieces in which it comes.
async fn read(
    front: &Front,
    request: Request,
    task: SpeechTask,
) -> Result<TranscriptionRequest, Problem> {
    let mut form = Form::open(front, front.limits.audio_bytes, request).await?;
    let mut fields = TranscriptionForm::new(task);
    let mut recording = None;
    while let Some(field) = form.next_field().await? {
        let name = field.field.name().unwrap_or_default().to_owned();
        if name == "file" {
            fields.add_file()?;
            recording = Some(recorded(field).await?);
        } else {
            let value = value_of(field, &name).await?;
            fields.add(&name, value)?;
        }
    }
    let form = fields.finish()?;
    let recording = recording.ok_or_else(|| RequestError::missing("file"))?;
    Ok(TranscriptionRequest { form, recording })
}

async fn recorded(mut field: FormField<'_>) -> Result<Recording, Problem> {
    let name = field.field.file_name().unwrap_or_default().to_owned();
    let content_type = field.field.content_type().map(str::to_owned);
    let mut pieces = Vec::new();
    while let Some(bytes) = field.next_piece().await? {
        pieces.push(bytes);
    }
    if pieces.iter().all(bytes::Bytes::is_empty) {
        return Err(RequestError::empty("file").into());
    }
    Ok(Recording { name, content_type, pieces })
}

async fn value_of(mut field: FormField<'_>, name: &str) -> Result<String, Problem> {
    let mut value = Vec::new();
    while let Some(bytes) = field.next_piece().await? {
        value.extend_from_slice(&bytes);
        if value.len() > VALUE_BYTES_MAX {
            break;
        }
    }
    // One that is too long is refused where the field is looked at.
    String::from_utf8(value).map_err(|_| RequestError::invalid_value(name, "is not UTF-8").into())
}

async fn write_down(
    app: &Arc<App>,
    principal: &Principal,
    (language, wishes): (Language, Wishes),
    request: TranscriptionRequest,
) -> Result<Response, Problem> {
    let answer = app.create_transcription(principal, Call { request: &request, wishes }).await?;
    let mut response = match answer.reply {
        TranscriptReply::Json(response) => {
            ([(CONTENT_TYPE, "application/json")], response.to_json()).into_response()
        }
        TranscriptReply::Text(text) => {
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            ([(CONTENT_TYPE, text.content_type.unwrap_or(plain))], text.bytes).into_response()
        }
        TranscriptReply::Stream(pieces) => {
            events::text(encode(pieces, TypedEvents, language), events::COMMENT)
        }
    };
    name_way(response.headers_mut(), &answer.way);
    allowance::name_left(response.headers_mut(), app, principal, &answer.way);
    Ok(response)
}
