//! The events of a server that streams.

use std::{collections::VecDeque, time::Duration};

use llm::{SseDecoder, SseEvent, SseLimits, StreamItem};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::{Failure, GatewayError, TimeLimit, deadline::Until};

/// An open stream. Nothing is read ahead of whoever asks for the next event, so a slow reader slows
/// the server down. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct UpstreamStream {
    response: Response,
    /// `None` once the body has ended.
    decoder: Option<SseDecoder>,
    events: VecDeque<SseEvent>,
    first: Option<StreamItem>,
    route: String,
    idle: Duration,
    until: Until,
}

impl UpstreamStream {
    pub(crate) fn new(response: Response, route: &str, idle: Duration, until: Until) -> Self {
        Self {
            response,
            decoder: Some(SseDecoder::new(SseLimits::default())),
            events: VecDeque::new(),
            first: None,
            route: route.to_owned(),
            idle,
            until,
        }
    }

    /// Waits for the first event and keeps it for [`UpstreamStream::next`].
    pub(crate) async fn await_first(&mut self) -> Result<(), GatewayError> {
        match self.next().await? {
            Some(StreamItem::Failed(_)) => Err(self.failed(Failure::Reported, None)),
            Some(item) => {
                self.first = Some(item);
                Ok(())
            }
            None => Err(self.failed(Failure::Interrupted, None)),
        }
    }

    /// The next event; `None` when the body has ended, with or without an end mark. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<StreamItem>, GatewayError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            if let Some(event) = self.events.pop_front() {
                let item = StreamItem::decode(&event);
                return item.map(Some).map_err(|_| self.failed(Failure::Garbled, None));
            }
            if self.decoder.is_none() {
                return Ok(None);
            }
            self.read_more().await?;
        }
    }

    pub(crate) fn failed(&self, failure: Failure, source: Option<reqwest::Error>) -> GatewayError {
        let source = source.map(reqwest::Error::without_url);
        GatewayError::Upstream { route: self.route.clone(), failure, source }
    }

    async fn read_more(&mut self) -> Result<(), GatewayError> {
        let idle = Instant::now() + self.idle;
        let bytes = match timeout_at(idle.min(self.until.at), self.response.chunk()).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Err(self.failed(Failure::Interrupted, Some(error))),
            Err(_) => {
                let is_idle = idle < self.until.at;
                let limit = if is_idle { TimeLimit::Idle } else { self.until.limit };
                return Err(GatewayError::TimedOut { route: self.route.clone(), limit });
            }
        };
        let decoded = match (&bytes, &mut self.decoder) {
            (Some(bytes), Some(decoder)) => decoder.feed(bytes, &mut self.events),
            (None, decoder) => match decoder.take().map(SseDecoder::finish) {
                Some(Ok(last)) => {
                    self.events.extend(last);
                    Ok(())
                }
                Some(Err(error)) => Err(error),
                None => Ok(()),
            },
            (Some(_), None) => Ok(()),
        };
        decoded.map_err(|_| self.failed(Failure::TooLarge, None))
    }
}
