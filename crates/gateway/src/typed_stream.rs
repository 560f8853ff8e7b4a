//! Answers that come in events which say their own type: a transcript, a text read aloud, images in
//! the making.

use llm::{StreamItem, TypedEvent, Usage};

use crate::{
    Failure, GatewayError, Parts, Taken, UsageMeter, lease::Lease, upstream_stream::UpstreamStream,
};

/// An answer on its way. Dropping it cancels the call behind it and frees its place; the meter keeps
/// what was used until then.
#[derive(Debug)]
pub struct TypedStream {
    upstream: UpstreamStream,
    taken: Taken,
    meter: UsageMeter,
    lease: Lease,
    usage: Usage,
    parts: Parts,
    /// How many last events make the answer complete, and how many came.
    ends: u64,
    ended: u64,
    is_over: bool,
}

impl TypedStream {
    /// `parts` is what the call takes as far as nobody says better on the way; each of so many things
    /// that were asked for has its own last event.
    pub(crate) fn new(
        upstream: UpstreamStream,
        (taken, lease): (Taken, Lease),
        meter: UsageMeter,
        (parts, ends): (Parts, u64),
    ) -> Self {
        meter.report_parts(parts);
        let usage = Usage::default();
        Self { upstream, taken, meter, lease, usage, parts, ends, ended: 0, is_over: false }
    }

    /// The route that answers.
    #[must_use]
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    /// The next event; `None` at the end, and after an error. Cancel-safe.
    ///
    /// # Errors
    /// If the route fails in the middle or a time limit is over.
    pub async fn next(&mut self) -> Option<Result<TypedEvent, GatewayError>> {
        if self.is_over {
            return None;
        }
        let is_complete = self.ended >= self.ends;
        let failure = match self.upstream.next().await {
            Ok(Some(StreamItem::Typed(event))) => {
                self.count(&event);
                return Some(Ok(event));
            }
            Ok(Some(StreamItem::Done) | None) if is_complete => {
                self.is_over = true;
                self.meter.finish();
                self.lease.succeeded(self.meter.usage());
                return None;
            }
            Ok(Some(StreamItem::Done) | None) => self.upstream.failed(Failure::Interrupted, None),
            Ok(Some(StreamItem::Failed(_))) => self.upstream.failed(Failure::Reported, None),
            Ok(Some(StreamItem::Chunk(_))) => self.upstream.failed(Failure::Garbled, None),
            Err(error) => error,
        };
        self.is_over = true;
        self.lease.failed(&failure, None);
        Some(Err(failure))
    }

    fn count(&mut self, event: &TypedEvent) {
        self.meter.add_generated(event.delta().len());
        if let Some(usage) = event.usage() {
            // Each image has figures of its own.
            let Usage { prompt_tokens, completion_tokens } = self.usage;
            self.usage = Usage {
                prompt_tokens: prompt_tokens.saturating_add(usage.prompt_tokens),
                completion_tokens: completion_tokens.saturating_add(usage.completion_tokens),
            };
            self.meter.report(self.usage);
        }
        let before = self.parts;
        if let Some(audio_ms) = event.audio_ms() {
            self.parts.audio_ms = audio_ms;
        }
        if event.is_of_image() {
            // One that was begun is paid for, whether or not somebody waits for its end.
            self.parts.images = (self.ended + 1).min(self.ends);
        }
        self.ended += u64::from(event.is_last());
        if self.parts != before {
            self.meter.report_parts(self.parts);
        }
    }
}
