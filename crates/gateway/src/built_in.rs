//! The route to the engine inside this process: an ordinary route with ordinary events, but that
//! its work is computing and so runs on the pool for blocking work.

mod question;

use std::{collections::VecDeque, sync::Arc};

use infer::{ExtractAnswer, Piece, estimate_tokens};
use llm::{ChatEvent, ChatRequest, ChatResponse, Citation, Usage, openai::Head};
use question::Question;
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{
    ChatStream, Failure, GatewayError, Route, TimeLimit,
    attempt::{Failed, Next},
    call::head,
    deadline::Until,
    stream::Item,
};

/// The engine and its bound.
#[derive(Debug, Clone)]
pub(crate) struct BuiltIn {
    workers: Arc<Semaphore>,
}

/// An answer of the engine on its way. Dropping it while the engine works lets the engine finish
/// unheard: its work is bounded and short.
#[derive(Debug)]
pub(crate) struct BuiltInStream {
    head: Head,
    work: Option<JoinHandle<Work>>,
    events: VecDeque<ChatEvent>,
    tokens_max: Option<u32>,
    route: String,
    until: Until,
}

/// What the engine made.
#[derive(Debug)]
struct Work {
    answer: ExtractAnswer,
    prompt_tokens: u64,
}

impl BuiltIn {
    pub(crate) fn new(concurrent_max: usize) -> Self {
        Self { workers: Arc::new(Semaphore::new(concurrent_max.max(1))) }
    }

    /// Starts an answer once a worker is free. The first event is there at once, while the engine
    /// still reads.
    pub(crate) async fn open(
        &self,
        request: &ChatRequest,
        route: &Route,
        deadline: Option<Instant>,
    ) -> Result<BuiltInStream, Failed> {
        let question = Question::of(request).map_err(|error| Failed {
            error: GatewayError::Unsupported(error),
            next: Next::OtherRoute,
        })?;
        let started = Instant::now();
        let free = Arc::clone(&self.workers).acquire_owned();
        let first_byte = Until::new(started + route.timeouts.first_byte, TimeLimit::FirstByte);
        let first_byte = first_byte.or_before(deadline);
        let Ok(worker) = timeout_at(first_byte.at, free).await else {
            let limit = first_byte.limit;
            let error = GatewayError::TimedOut { route: route.name.clone(), limit };
            return Err(Failed { error, next: Next::OtherRoute });
        };
        let work = tokio::task::spawn_blocking(move || {
            let _worker = worker.expect("the workers' semaphore is never closed");
            let (answer, prompt_tokens) = question.answer();
            Work { answer, prompt_tokens }
        });
        let head = head(request.model());
        Ok(BuiltInStream {
            events: VecDeque::from([ChatEvent::Chunk(head.opening_chunk())]),
            head,
            work: Some(work),
            tokens_max: request.max_tokens(),
            route: route.name.clone(),
            until: Until::new(started + route.timeouts.total, TimeLimit::Total).or_before(deadline),
        })
    }
}

impl BuiltInStream {
    /// The next event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, GatewayError> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(Item::Event(event)));
        }
        let Some(work) = &mut self.work else { return Ok(Some(Item::Done)) };
        let done = timeout_at(self.until.at, work).await;
        self.work = None;
        match done {
            Ok(Ok(work)) => {
                self.events = events(&self.head, &work, self.tokens_max);
                Ok(self.events.pop_front().map(Item::Event))
            }
            Ok(Err(_panicked)) => Err(GatewayError::Upstream {
                route: self.route.clone(),
                failure: Failure::Engine,
                source: None,
            }),
            Err(_) => {
                Err(GatewayError::TimedOut { route: self.route.clone(), limit: self.until.limit })
            }
        }
    }
}

/// The answer sentence by sentence, each with its place in the source, then the end and the figures.
/// A limit of tokens drops whole sentences, never a part of one: a quote stays word for word.
fn events(head: &Head, work: &Work, tokens_max: Option<u32>) -> VecDeque<ChatEvent> {
    let mut events = VecDeque::new();
    let mut completion_tokens = 0;
    let mut finish_reason = "stop";
    for (text, citation) in sentences(&work.answer) {
        let tokens = estimate_tokens(&text);
        if tokens_max.is_some_and(|max| completion_tokens + tokens > u64::from(max)) {
            finish_reason = "length";
            break;
        }
        completion_tokens += tokens;
        events.push_back(ChatEvent::Chunk(head.text_chunk(&text)));
        events.extend(citation.map(ChatEvent::Citation));
    }
    let usage = Usage { prompt_tokens: work.prompt_tokens, completion_tokens };
    events.push_back(ChatEvent::Chunk(head.closing_chunk(finish_reason)));
    events.push_back(ChatEvent::Chunk(head.usage_chunk(usage.to_value())));
    events
}

/// Each quote with the words that lead to it, and what follows the last. Marks count from 1 in the
/// order in which sources appear; the citation beside a quote names the source by its own number.
fn sentences(answer: &ExtractAnswer) -> Vec<(String, Option<Citation>)> {
    let mut sentences = Vec::new();
    let mut appeared = Vec::new();
    let mut text = String::new();
    for piece in &answer.pieces {
        let Piece::Quote { source, start, end, .. } = piece else {
            text.push_str(&piece.render());
            continue;
        };
        if !appeared.contains(source) {
            appeared.push(*source);
        }
        let place = appeared.iter().position(|number| number == source).unwrap_or_default();
        text.push_str(&piece.render_marked(u32::try_from(place + 1).unwrap_or(u32::MAX)));
        let citation = Citation { number: *source, start: *start, end: *end };
        sentences.push((std::mem::take(&mut text), Some(citation)));
    }
    if !text.is_empty() {
        sentences.push((text, None));
    }
    sentences
}

/// Puts the events of a built-in answer together to a whole one.
pub(crate) async fn collect(
    mut stream: ChatStream,
) -> Result<(ChatResponse, Vec<Citation>), GatewayError> {
    let mut text = String::new();
    let mut finish_reason = None;
    let mut head = Head::default();
    while let Some(event) = stream.next().await {
        let ChatEvent::Chunk(chunk) = event? else { continue };
        text.push_str(chunk.text());
        finish_reason = finish_reason.or_else(|| chunk.finish_reason().map(str::to_owned));
        if head.id.is_empty() {
            head = chunk.head();
        }
    }
    let finish_reason = finish_reason.as_deref().unwrap_or("stop");
    let response = head.response(&text, finish_reason, stream.meter().read().usage);
    Ok((response, stream.citations().to_vec()))
}
