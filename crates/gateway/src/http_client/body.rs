//! What is sent: bytes that lie ready, in one piece or several.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};

/// A body. Its length is known, so that it is sent with one: some servers take no other.
#[derive(Debug, Default)]
pub(crate) struct Body {
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Body {
    /// From pieces in order, none of which is copied.
    pub(crate) fn of(pieces: &[Bytes]) -> Self {
        let mut pieces = pieces.iter().filter(|piece| piece.has_remaining()).cloned();
        Self { first: pieces.next(), rest: pieces.collect() }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { first: bytes.has_remaining().then_some(bytes), rest: VecDeque::new() }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.first.take().or_else(|| self.rest.pop_front());
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let length: usize = self.first.iter().chain(&self.rest).map(Bytes::len).sum();
        SizeHint::with_exact(length as u64)
    }
}
