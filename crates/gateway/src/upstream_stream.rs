//! The events of a server that streams.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use hyper::body::Incoming;
use llm::{ChatStream, StreamError, StreamItem};
use tokio::time::{Instant, timeout_at};

use crate::{Failure, GatewayError, HttpError, TimeLimit, deadline::Until, http_client};

/// So much of a stream, in bytes, is kept while it has brought nothing of the answer; beyond: the answer
/// counts as begun.
const HELD_BYTES_MAX: usize = 64 << 10;

/// An open stream. Nothing is read ahead of whoever asks for the next event, so a slow reader slows
/// the server down. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct UpstreamStream {
    body: Incoming,
    /// `None` once the body has ended or cannot be read further.
    reader: Option<ChatStream>,
    items: VecDeque<StreamItem>,
    /// How much of the body was read so far, in bytes.
    read_bytes: usize,
    /// What made an end of reading, to be told after the items before it.
    failure: Option<Failure>,
    route: String,
    idle: Duration,
    until: Until,
}

impl UpstreamStream {
    pub(crate) fn new(
        body: Incoming,
        reader: ChatStream,
        route: &str,
        idle: Duration,
        until: Until,
    ) -> Self {
        Self {
            body,
            reader: Some(reader),
            items: VecDeque::new(),
            read_bytes: 0,
            failure: None,
            route: route.to_owned(),
            idle,
            until,
        }
    }

    /// Waits for the first event that brings something of the answer, and keeps it and those before it
    /// for [`UpstreamStream::next`].
    pub(crate) async fn await_first(&mut self) -> Result<(), GatewayError> {
        let mut held = VecDeque::new();
        loop {
            let item = match self.next().await? {
                Some(StreamItem::Failed(_)) => return Err(self.failed(Failure::Reported, None)),
                Some(StreamItem::Done) | None => {
                    return Err(self.failed(Failure::Interrupted, None));
                }
                Some(item) => item,
            };
            let begins = match &item {
                StreamItem::Chunk(chunk) => chunk.brings_something(),
                _ => true,
            };
            held.push_back(item);
            if begins || self.read_bytes > HELD_BYTES_MAX {
                held.append(&mut self.items);
                self.items = held;
                return Ok(());
            }
        }
    }

    /// The next event; `None` when the body has ended, with or without an end mark. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<StreamItem>, GatewayError> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(Some(item));
            }
            if let Some(failure) = self.failure.take() {
                return Err(self.failed(failure, None));
            }
            if self.reader.is_none() {
                return Ok(None);
            }
            self.read_more().await?;
        }
    }

    pub(crate) fn failed(&self, failure: Failure, source: Option<HttpError>) -> GatewayError {
        GatewayError::Upstream { route: self.route.clone(), failure, source }
    }

    async fn read_more(&mut self) -> Result<(), GatewayError> {
        let idle = Instant::now() + self.idle;
        let bytes =
            match timeout_at(idle.min(self.until.at), http_client::next(&mut self.body)).await {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(error)) => return Err(self.failed(Failure::Interrupted, Some(error))),
                Err(_) => {
                    let is_idle = idle < self.until.at;
                    let limit = if is_idle { TimeLimit::Idle } else { self.until.limit };
                    return Err(GatewayError::TimedOut { route: self.route.clone(), limit });
                }
            };
        self.read_bytes = self.read_bytes.saturating_add(bytes.as_ref().map_or(0, Bytes::len));
        // The queue is empty here, so its room is used again and nothing is copied.
        let mut items = Vec::from(std::mem::take(&mut self.items));
        let read = match (&bytes, &mut self.reader) {
            (Some(bytes), Some(reader)) => reader.feed(bytes, &mut items),
            (None, reader) => reader.take().map_or(Ok(()), |reader| reader.finish(&mut items)),
            (Some(_), None) => Ok(()),
        };
        self.items = VecDeque::from(items);
        if let Err(error) = read {
            self.reader = None;
            self.failure = Some(match error {
                StreamError::TooLong(_) => Failure::TooLarge,
                StreamError::Unreadable(_) => Failure::Garbled,
            });
        }
        Ok(())
    }
}
