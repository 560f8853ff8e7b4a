//! The route to a language model in a file: an ordinary route with ordinary events, but that its work
//! is computing and so runs on threads of its own, as many as the route has places.

mod loaded;
mod question;

use std::{collections::VecDeque, path::PathBuf};

use infer::local::{Finish, PromptError};
use llm::{ChatEvent, ChatRequest, UpstreamError, Usage, openai::Head};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

pub(crate) use loaded::LocalModels;
use question::Question;

use crate::{
    Failure, GatewayError, Route, TimeLimit,
    attempt::{Failed, Next},
    call::head,
    deadline::Until,
    stream::Item,
};

/// Pieces that wait for a slow reader; beyond: the model waits.
const PIECES_MAX: usize = 16;
/// The status of a model server that cannot answer because of the request.
const BAD_REQUEST: u16 = 400;

/// A model in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalRoute {
    /// The file, in the GGUF format.
    pub path: PathBuf,
    /// Most tokens of question and answer together. Memory for them is reserved.
    pub context_tokens: usize,
    /// Answers at the same time; beyond: they wait.
    pub answers_max: usize,
    /// Most memory for weights and answers, in bytes; a file that needs more is not loaded.
    pub memory_bytes_max: u64,
}

/// What the thread that computes sends.
#[derive(Debug)]
enum Made {
    /// The question was read; so many tokens.
    Question(u64),
    Text(String),
    Done {
        finish: Finish,
        tokens: u64,
    },
    Refused(PromptError),
    Failed,
}

/// An answer on its way. Dropping it ends the computation within a fraction of a token's time.
#[derive(Debug)]
pub(crate) struct LocalStream {
    head: Head,
    made: mpsc::Receiver<Made>,
    events: VecDeque<ChatEvent>,
    is_done: bool,
    prompt_tokens: u64,
    route: String,
    idle: std::time::Duration,
    until: Until,
}

impl LocalModels {
    /// Starts an answer and waits for its first piece; the weights are read before, if nobody did.
    pub(crate) async fn open(
        &self,
        request: &ChatRequest,
        (route, local): (&Route, &LocalRoute),
        deadline: Option<Instant>,
    ) -> Result<LocalStream, Failed> {
        let question = Question::of(request).map_err(|error| Failed {
            error: GatewayError::Unsupported(error),
            next: Next::OtherRoute,
        })?;
        let started = Instant::now();
        let (sender, made) = mpsc::channel(PIECES_MAX);
        let head = head(request.model());
        let mut stream = LocalStream {
            events: VecDeque::from([ChatEvent::Chunk(head.opening_chunk())]),
            head,
            made,
            is_done: false,
            prompt_tokens: 0,
            route: route.name.clone(),
            idle: route.timeouts.idle,
            until: Until::new(started + route.timeouts.total, TimeLimit::Total).or_before(deadline),
        };
        let first_byte = Until::new(started + route.timeouts.first_byte, TimeLimit::FirstByte);
        let first_byte = first_byte.or_before(deadline);
        let first = async {
            let place = self.place(local).await;
            tokio::task::spawn_blocking(move || place.answer(&question, &sender));
            stream.first().await
        };
        match timeout_at(first_byte.at, first).await {
            Ok(Ok(())) => Ok(stream),
            Ok(Err(failed)) => Err(failed),
            Err(_) => {
                let error = stream.timed_out(first_byte.limit);
                Err(Failed { error, next: Next::OtherRoute })
            }
        }
    }
}

impl LocalStream {
    /// Waits for the first piece and keeps it.
    async fn first(&mut self) -> Result<(), Failed> {
        while self.events.len() < 2 {
            match self.made.recv().await {
                Some(Made::Refused(error)) => {
                    let error =
                        GatewayError::Refused { status: BAD_REQUEST, error: refusal(error) };
                    return Err(Failed { error, next: Next::Nobody });
                }
                Some(made) => {
                    let next = Next::OtherRoute;
                    self.take(made).map_err(|error| Failed { error, next })?;
                }
                None => return Err(Failed { error: self.failed(), next: Next::OtherRoute }),
            }
        }
        Ok(())
    }

    /// The next event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, GatewayError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(Item::Event(event)));
            }
            if self.is_done {
                return Ok(Some(Item::Done));
            }
            let idle = Until::new(Instant::now() + self.idle, TimeLimit::Idle);
            let until = if idle.at < self.until.at { idle } else { self.until };
            match timeout_at(until.at, self.made.recv()).await {
                Ok(Some(made)) => self.take(made)?,
                Ok(None) => return Err(self.failed()),
                Err(_) => return Err(self.timed_out(until.limit)),
            }
        }
    }

    /// Makes events of what was made.
    fn take(&mut self, made: Made) -> Result<(), GatewayError> {
        match made {
            Made::Question(tokens) => self.prompt_tokens = tokens,
            Made::Text(text) => self.push(self.head.text_chunk(&text)),
            Made::Done { finish, tokens } => {
                let reason = if finish == Finish::Length { "length" } else { "stop" };
                let usage = Usage { prompt_tokens: self.prompt_tokens, completion_tokens: tokens };
                self.push(self.head.closing_chunk(reason));
                self.push(self.head.usage_chunk(usage.to_value()));
                self.is_done = true;
            }
            Made::Refused(_) | Made::Failed => return Err(self.failed()),
        }
        Ok(())
    }

    fn push(&mut self, chunk: llm::ChatChunk) {
        self.events.push_back(ChatEvent::Chunk(chunk));
    }

    fn failed(&self) -> GatewayError {
        let route = self.route.clone();
        GatewayError::Upstream { route, failure: Failure::Engine, source: None }
    }

    fn timed_out(&self, limit: TimeLimit) -> GatewayError {
        GatewayError::TimedOut { route: self.route.clone(), limit }
    }
}

/// What the caller is told.
fn refusal(error: PromptError) -> UpstreamError {
    let code = match &error {
        PromptError::TooLong { .. } => "context_length_exceeded",
        PromptError::Template(_) | PromptError::Empty => "invalid_value",
    };
    let message = match &error {
        PromptError::Template(reason) if !reason.is_empty() => format!("{error}: {reason}."),
        error => format!("{error}."),
    };
    UpstreamError {
        message: Some(message),
        param: Some("messages".to_owned()),
        code: Some(code.to_owned()),
    }
}
