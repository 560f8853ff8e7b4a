//! What the fake does with one request.

use std::{collections::VecDeque, time::Duration};

use axum::body::Bytes;
use serde_json::{Value, json};

use super::other;

/// What the fake does with one request.
#[derive(Debug, Clone)]
pub struct Reply {
    content: Content,
    headers: Vec<(String, String)>,
    delay: Duration,
    pause: Duration,
    usage: Option<(u64, u64)>,
    ending: Ending,
    ends_with_done: bool,
    /// How often all pieces are sent, one time after the other.
    times: usize,
}

#[derive(Debug, Clone)]
enum Content {
    /// The last message of the user.
    Echo,
    /// Pieces of text, as a chat completion.
    Pieces(Vec<String>),
    /// Bytes as they are.
    Raw { status: u16, content_type: String, chunks: Vec<Vec<u8>> },
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Complete,
    Break,
    Hang,
    HangBeforeFirstByte,
}

/// Whether a step waits.
#[derive(Debug)]
pub(super) enum Step {
    AtOnce,
    AfterPause,
}

/// A reply to a given request, ready to send.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) delay: Duration,
    pub(super) steps: VecDeque<(Step, Bytes)>,
    pub(super) pause: Duration,
    pub(super) ending: Ending,
}

impl Reply {
    /// Repeats the last message of the user.
    #[must_use]
    pub fn echo() -> Self {
        Self::with(Content::Echo)
    }

    /// Answers with this text, word by word when streamed.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::pieces(text.split_inclusive(' '))
    }

    /// Answers with these pieces of text, each in a chunk of its own when streamed.
    #[must_use]
    pub fn pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        Self::with(Content::Pieces(pieces.into_iter().map(str::to_owned).collect()))
    }

    /// Answers with a status and a JSON body.
    #[must_use]
    pub fn status(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json", [body.to_string()])
    }

    /// Answers with bytes as they are, each in a chunk of its own.
    #[must_use]
    pub fn raw<T: Into<Vec<u8>>>(
        status: u16,
        content_type: &str,
        chunks: impl IntoIterator<Item = T>,
    ) -> Self {
        let chunks = chunks.into_iter().map(Into::into).collect();
        Self::with(Content::Raw { status, content_type: content_type.to_owned(), chunks })
    }

    /// Answers with an event stream that is no chat.
    #[must_use]
    pub fn garbage() -> Self {
        Self::raw(200, "text/event-stream", ["data: {\"oh\": no\n\n", "data: \u{fffd}\u{0}\n\n"])
    }

    /// Takes the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self { ending: Ending::HangBeforeFirstByte, ..Self::echo() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Waits before the first byte.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Waits before each further piece.
    #[must_use]
    pub fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Reports these figures, prompt and answer; without it ten and the number of pieces.
    #[must_use]
    pub fn usage(self, prompt: u64, completion: u64) -> Self {
        Self { usage: Some((prompt, completion)), ..self }
    }

    /// Never reports usage, as some servers do not.
    #[must_use]
    pub fn without_usage(self) -> Self {
        Self { usage: None, ..self }
    }

    /// Ends the stream without an end mark.
    #[must_use]
    pub fn without_done(self) -> Self {
        Self { ends_with_done: false, ..self }
    }

    /// Sends all pieces so many times, which costs the memory of one.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// After the last piece stays silent and never ends.
    #[must_use]
    pub fn then_hang(self) -> Self {
        Self { ending: Ending::Hang, ..self }
    }

    /// After the last piece breaks the connection.
    #[must_use]
    pub fn then_break(self) -> Self {
        Self { ending: Ending::Break, ..self }
    }

    fn with(content: Content) -> Self {
        Self {
            content,
            headers: Vec::new(),
            delay: Duration::ZERO,
            pause: Duration::ZERO,
            usage: Some((10, u64::MAX)),
            ending: Ending::Complete,
            ends_with_done: true,
            times: 1,
        }
    }

    pub(super) fn plan(self, path: &str, request: &Value) -> Plan {
        let is_stream = request["stream"] == true;
        let (status, content_type, chunks) = match &self.content {
            Content::Raw { status, content_type, chunks } => {
                (*status, content_type.clone(), chunks.clone())
            }
            Content::Echo => match other::answer(path, request) {
                Some((content_type, body)) => (200, content_type.to_owned(), vec![body]),
                None => self.answer(request, &[last_text(request)], is_stream),
            },
            Content::Pieces(pieces) => self.answer(request, pieces, is_stream),
        };
        let mut headers = self.headers;
        headers.push(("content-type".to_owned(), content_type));
        let chunks: Vec<Bytes> = chunks.into_iter().map(Bytes::from).collect();
        let all = std::iter::repeat_n(chunks, self.times).flatten();
        let steps = all.enumerate().map(|(index, chunk)| {
            let step = if index == 0 { Step::AtOnce } else { Step::AfterPause };
            (step, chunk)
        });
        Plan {
            status,
            headers,
            delay: self.delay,
            steps: steps.collect(),
            pause: self.pause,
            ending: self.ending,
        }
    }

    fn answer(
        &self,
        request: &Value,
        pieces: &[String],
        is_stream: bool,
    ) -> (u16, String, Vec<Vec<u8>>) {
        if is_stream {
            let events = self.events(request, pieces);
            return (200, "text/event-stream".to_owned(), events);
        }
        let mut body = json!({
            "id": "chatcmpl-fake", "object": "chat.completion", "created": 1_700_000_000,
            "model": request["model"], "system_fingerprint": "fp_fake",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": pieces.concat()},
                "finish_reason": "stop",
            }],
        });
        if let Some(usage) = self.usage_object(pieces) {
            body["usage"] = usage;
        }
        (200, "application/json".to_owned(), vec![body.to_string().into_bytes()])
    }

    fn events(&self, request: &Value, pieces: &[String]) -> Vec<Vec<u8>> {
        let chunk = |choices: Value| {
            json!({
                "id": "chatcmpl-fake", "object": "chat.completion.chunk",
                "created": 1_700_000_000, "model": request["model"],
                "system_fingerprint": "fp_fake", "choices": choices,
            })
        };
        let event = |chunk: &Value| format!("data: {chunk}\n\n").into_bytes();
        let choice = |delta: Value, finish: Value| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]))
        };
        let role = choice(json!({"role": "assistant", "content": ""}), Value::Null);
        let mut events = vec![event(&role)];
        events.extend(
            pieces.iter().map(|piece| event(&choice(json!({"content": piece}), Value::Null))),
        );
        if self.ending != Ending::Complete {
            return events;
        }
        events.push(event(&choice(json!({}), "stop".into())));
        let usage = self.usage_object(pieces);
        if let Some(usage) = usage.filter(|_| request["stream_options"]["include_usage"] == true) {
            let mut last = chunk(json!([]));
            last["usage"] = usage;
            events.push(event(&last));
        }
        if self.ends_with_done {
            events.push(b"data: [DONE]\n\n".to_vec());
        }
        events
    }

    fn usage_object(&self, pieces: &[String]) -> Option<Value> {
        let (prompt, completion) = self.usage?;
        let completion = if completion == u64::MAX { pieces.len() as u64 } else { completion };
        Some(json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }))
    }
}

fn last_text(request: &Value) -> String {
    let messages = request["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    last.and_then(|message| message["content"].as_str()).unwrap_or_default().to_owned()
}
