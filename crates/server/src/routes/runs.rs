//! Runs: watching an answer being written, and stopping it.

use std::sync::Arc;

use app::{App, Language, RunEvent};
use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use domain::RunId;
use futures_util::StreamExt;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    documents::Reason,
    messages::{Citation, RunState, Usage},
};
use crate::door::{Caller, Id, Problem, Reader, events};

/// `event: snapshot`: all there is so far. The first event of everybody who watches.
#[derive(Serialize, ToSchema)]
pub(crate) struct SnapshotEvent {
    seq: u64,
    text: String,
    citations: Vec<Citation>,
    removed_citations: u32,
    state: RunState,
    /// `searching`, `reading` or `writing`.
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// `event: delta`: more text.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeltaEvent {
    seq: u64,
    text: String,
}

/// `event: stage`: it does something else now.
#[derive(Serialize, ToSchema)]
pub(crate) struct StageEvent {
    /// `searching`, `reading` or `writing`.
    stage: &'static str,
}

/// `event: citations`: the final text with its citations; replaces what was streamed.
#[derive(Serialize, ToSchema)]
pub(crate) struct CitationsEvent {
    text: String,
    citations: Vec<Citation>,
    removed_citations: u32,
}

/// `event: done`: it ended; nothing follows.
#[derive(Serialize, ToSchema)]
pub(crate) struct DoneEvent {
    state: RunState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// What the events of a run carry, by their names.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the events; each is sent under its own name")]
pub(crate) enum RunEventBody {
    Snapshot(SnapshotEvent),
    Delta(DeltaEvent),
    Stage(StageEvent),
    Citations(CitationsEvent),
    Done(DoneEvent),
}

/// Watches a run: everything so far, then everything that follows. Can be left and joined again.
#[utoipa::path(get, path = "/api/runs/{id}/events", tag = "conversations",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = RunEventBody, content_type = "text/event-stream")))]
pub(crate) async fn watch_run(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<RunId>,
) -> Result<Response, Problem> {
    let happening = app.watch_run(&principal, id).await?;
    Ok(events::answer(happening.map(move |event| encode(event, language))))
}

/// Stops a run; what was written stays.
#[utoipa::path(post, path = "/api/runs/{id}/stop", tag = "conversations",
    params(("id" = Uuid, Path)), responses((status = 204)))]
pub(crate) async fn stop_run(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<RunId>,
) -> Result<StatusCode, Problem> {
    app.stop_run(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn encode(event: RunEvent, language: Language) -> Event {
    let why = |code: Option<String>| code.map(|code| Reason::of_run(code, language));
    let listed =
        |citations: Vec<app::Citation>| citations.into_iter().map(Citation::from).collect();
    match event {
        RunEvent::Snapshot(now) => events::json_event(
            "snapshot",
            &SnapshotEvent {
                seq: now.seq,
                text: now.text,
                citations: listed(now.citations),
                removed_citations: now.removed_citations,
                state: now.state.into(),
                stage: now.stage.code(),
                reason: why(now.reason),
                usage: now.usage.map(Usage::from),
            },
        ),
        RunEvent::Delta { seq, text } => events::json_event("delta", &DeltaEvent { seq, text }),
        RunEvent::Stage(stage) => events::json_event("stage", &StageEvent { stage: stage.code() }),
        RunEvent::Citations { text, citations, removed_citations } => events::json_event(
            "citations",
            &CitationsEvent { text, citations: listed(citations), removed_citations },
        ),
        RunEvent::Done { state, reason, usage } => events::json_event(
            "done",
            &DoneEvent { state: state.into(), reason: why(reason), usage: usage.map(Usage::from) },
        ),
    }
}
