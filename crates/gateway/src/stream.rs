//! An answer on its way, whichever kind of route it comes from.

use futures_util::{Stream, stream};
use llm::{ChatEvent, Citation, StreamItem, openai::Head};
use serde_json::Value;

use crate::{
    Failure, GatewayError, Parts, Taken, UsageMeter, built_in::BuiltInStream, lease::Lease,
    local::LocalStream, upstream_stream::UpstreamStream,
};

/// An answer on its way. Dropping it cancels the call behind it and frees its place; the meter keeps
/// what was used until then.
#[derive(Debug)]
pub struct ChatStream {
    origin: Origin,
    wanted: Wanted,
    taken: Taken,
    meter: UsageMeter,
    phase: Phase,
    citations: Vec<Citation>,
    /// Id and time of the answer, as the route gives them.
    head: Head,
    /// The usage object as it came last.
    usage: Option<Value>,
    usage_was_passed: bool,
    has_finish_reason: bool,
    lease: Lease,
}

/// Where the events come from.
#[derive(Debug)]
pub(crate) enum Origin {
    Upstream(Box<UpstreamStream>),
    BuiltIn(BuiltInStream),
    Local(LocalStream),
}

/// What the caller asked for, as far as it shapes the events.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) model: String,
    pub(crate) include_usage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Ended,
}

impl ChatStream {
    pub(crate) fn new(
        origin: Origin,
        wanted: Wanted,
        taken: Taken,
        meter: UsageMeter,
        lease: Lease,
    ) -> Self {
        Self {
            origin,
            wanted,
            taken,
            meter,
            phase: Phase::Running,
            citations: Vec::new(),
            head: Head::default(),
            usage: None,
            usage_was_passed: false,
            has_finish_reason: false,
            lease,
        }
    }

    /// The route that answers.
    #[must_use]
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    /// Whether the caller asked for usage figures.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        self.wanted.include_usage
    }

    /// The meter of this call.
    #[must_use]
    pub fn meter(&self) -> &UsageMeter {
        &self.meter
    }

    /// The quotes given so far; only the built-in engine knows them by itself.
    #[must_use]
    pub fn citations(&self) -> &[Citation] {
        &self.citations
    }

    /// The next event; `None` at the end, and after an error. Cancel-safe: a future that is dropped
    /// loses no event.
    ///
    /// # Errors
    /// If the answer breaks off. What came before stays valid.
    pub async fn next(&mut self) -> Option<Result<ChatEvent, GatewayError>> {
        while self.phase == Phase::Running {
            match self.origin.next().await {
                Ok(Some(Item::Event(event))) => {
                    if let Some(event) = self.shape(event) {
                        return Some(Ok(event));
                    }
                }
                Ok(Some(Item::Done)) => return self.end().map(Ok),
                Ok(None) if self.has_finish_reason => return self.end().map(Ok),
                Ok(None) => return Some(Err(self.fail(self.failure(Failure::Interrupted)))),
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
        None
    }

    /// The events as a stream.
    pub fn into_events(self) -> impl Stream<Item = Result<ChatEvent, GatewayError>> + Send {
        stream::unfold(self, |mut answer| async move {
            let event = answer.next().await?;
            Some((event, answer))
        })
    }

    /// Meters an event and gives it the form the caller asked for; `None` withholds it.
    fn shape(&mut self, event: ChatEvent) -> Option<ChatEvent> {
        let mut chunk = match event {
            ChatEvent::Chunk(chunk) => chunk,
            ChatEvent::Citation(citation) => {
                self.citations.push(citation);
                return Some(event);
            }
        };
        self.meter.add_generated(chunk.generated_bytes());
        self.has_finish_reason |= chunk.finish_reason().is_some();
        chunk.set_model(&self.wanted.model);
        if self.head.id.is_empty() {
            self.head = chunk.head();
        }
        if let Some(usage) = chunk.usage() {
            self.meter.report(usage);
            self.usage = chunk.fields().get("usage").cloned();
            let cached_tokens = chunk.usage_details().cached_tokens;
            self.meter.report_parts(Parts { cached_tokens, ..Parts::default() });
            self.usage_was_passed |= chunk.is_without_choices();
            if !self.wanted.include_usage && chunk.is_without_choices() {
                return None;
            }
        }
        if !self.wanted.include_usage {
            chunk.take_usage();
        }
        Some(ChatEvent::Chunk(chunk))
    }

    /// Ends the answer, with usage figures if they are wanted and did not come by themselves.
    fn end(&mut self) -> Option<ChatEvent> {
        self.phase = Phase::Ended;
        self.meter.finish();
        self.lease.succeeded(self.meter.usage());
        if !self.wanted.include_usage || self.usage_was_passed {
            return None;
        }
        let usage = self.usage.take().unwrap_or_else(|| self.meter.read().usage.to_value());
        Some(ChatEvent::Chunk(self.head.usage_chunk(usage)))
    }

    fn fail(&mut self, error: GatewayError) -> GatewayError {
        self.phase = Phase::Ended;
        self.lease.failed(&error, None);
        error
    }

    fn failure(&self, failure: Failure) -> GatewayError {
        GatewayError::Upstream { route: self.taken.route.clone(), failure, source: None }
    }
}

/// What an origin yields.
#[derive(Debug)]
pub(crate) enum Item {
    Event(ChatEvent),
    Done,
}

impl Origin {
    async fn next(&mut self) -> Result<Option<Item>, GatewayError> {
        match self {
            Self::Upstream(stream) => Ok(match stream.next().await? {
                Some(StreamItem::Chunk(chunk)) => Some(Item::Event(ChatEvent::Chunk(chunk))),
                Some(StreamItem::Done) => Some(Item::Done),
                Some(StreamItem::Typed(_)) => {
                    return Err(stream.failed(Failure::Garbled, None));
                }
                Some(StreamItem::Failed(_)) => return Err(stream.failed(Failure::Reported, None)),
                None => None,
            }),
            Self::BuiltIn(stream) => stream.next().await,
            Self::Local(stream) => stream.next().await,
        }
    }
}
