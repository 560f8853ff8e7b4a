//! What comes of a recording: whole, or event by event.

use llm::{OperationResponse, StreamItem, transcription::TranscriptEvent};

use crate::{
    Failure, GatewayError, Parts, Sound, Taken, UsageMeter, lease::Lease,
    upstream_stream::UpstreamStream,
};

/// What was said.
#[derive(Debug)]
pub enum Transcript {
    /// As JSON.
    Json(OperationResponse),
    /// As text or subtitles.
    Text(Sound),
    /// On its way.
    Stream(Box<TranscriptStream>),
}

/// A transcript on its way. Dropping it cancels the call behind it and frees its place; the meter
/// keeps what was used until then.
#[derive(Debug)]
pub struct TranscriptStream {
    upstream: UpstreamStream,
    taken: Taken,
    meter: UsageMeter,
    lease: Lease,
    is_complete: bool,
    has_ended: bool,
}

impl TranscriptStream {
    pub(crate) fn new(
        upstream: UpstreamStream,
        taken: Taken,
        meter: UsageMeter,
        lease: Lease,
    ) -> Self {
        Self { upstream, taken, meter, lease, is_complete: false, has_ended: false }
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
    pub async fn next(&mut self) -> Option<Result<TranscriptEvent, GatewayError>> {
        if self.has_ended {
            return None;
        }
        let failure = match self.upstream.next().await {
            Ok(Some(StreamItem::Transcript(event))) => {
                self.meter.add_generated(event.added_bytes());
                if let Some(usage) = event.usage() {
                    self.meter.report(usage);
                }
                if let Some(audio_ms) = event.audio_ms() {
                    self.meter.report_parts(Parts { audio_ms, ..Parts::default() });
                }
                self.is_complete |= event.is_last();
                return Some(Ok(event));
            }
            Ok(Some(StreamItem::Done) | None) if self.is_complete => {
                self.has_ended = true;
                self.meter.finish();
                self.lease.succeeded(self.meter.usage());
                return None;
            }
            Ok(Some(StreamItem::Done) | None) => self.upstream.failed(Failure::Interrupted, None),
            Ok(Some(StreamItem::Failed(_))) => self.upstream.failed(Failure::Reported, None),
            Ok(Some(StreamItem::Chunk(_))) => self.upstream.failed(Failure::Garbled, None),
            Err(error) => error,
        };
        self.has_ended = true;
        self.lease.failed(&failure, None);
        Some(Err(failure))
    }
}
