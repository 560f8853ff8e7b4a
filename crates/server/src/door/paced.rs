//! A body that is handed on piece by piece, within an allowance.
//!
//! The reader of multipart forms takes whatever is there at once and keeps what it cannot use yet.
//! From a fast sender that would be the whole document in memory; so each piece is followed by a
//! pause, and what may come before the document is bounded apart from the document.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::Stream;

/// How many bytes a body may still give. Shared with whoever raises it.
#[derive(Debug, Clone)]
pub(crate) struct Allowance(Arc<AtomicU64>);

impl Allowance {
    /// Begins with so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Allows more.
    pub fn raise(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether more came than was allowed.
    pub fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Takes from the allowance; at its end it stays empty.
    fn spend(&self, bytes: u64) -> Result<(), Exceeded> {
        let left = self.0.load(Ordering::Relaxed).saturating_sub(bytes);
        self.0.store(left, Ordering::Relaxed);
        if left == 0 { Err(Exceeded) } else { Ok(()) }
    }
}

/// Says that a body gave more than was allowed.
#[derive(Debug)]
pub(crate) struct Exceeded;

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is longer than allowed")
    }
}

impl std::error::Error for Exceeded {}

/// The body's pieces, with a pause after each.
pub(crate) struct Paced {
    pieces: BodyDataStream,
    allowance: Allowance,
    pauses: bool,
}

impl Paced {
    /// Takes a body and what it may give.
    pub fn new(body: Body, allowance: Allowance) -> Self {
        Self { pieces: body.into_data_stream(), allowance, pauses: false }
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.pieces).poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.pauses = true;
            if let Err(exceeded) = self.allowance.spend(piece.len() as u64) {
                return Poll::Ready(Some(Err(axum::Error::new(exceeded))));
            }
        }
        polled
    }
}
