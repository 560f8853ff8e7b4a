//! What is asked of a model, whichever interface it came through: the one place that knows how
//! calls and answers of different kinds are made and read.

use bytes::Bytes;
use http::HeaderValue;
use llm::{
    ChatRequest, ChatResponse, ChatStream, DecodeError, Delivery, Dialect, Operation,
    OperationRequest, OperationResponse, RequestError, SseLimits, Usage,
    embeddings::{EmbeddingRequest, EmbeddingResponse},
    openai::Head,
    rerank::{RerankRequest, RerankResponse},
    transcription::TranscriptFormat,
};
use serde_json::Value;

use crate::{Needs, Parts, Timeouts, TranscriptionRequest, attempt::Prepared, plan};

/// Largest answer, in bytes: room for pictures and vectors.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Largest answer of an endpoint that judges texts: a few hundred bytes for each of them.
const VERDICT_BYTES_MAX: usize = 4 << 20;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    Chat(&'a ChatRequest, Delivery),
    Embeddings(&'a EmbeddingRequest),
    Rerank(&'a RerankRequest),
    Operation(&'a OperationRequest),
    Transcription(&'a TranscriptionRequest),
}

/// A body as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// A whole answer of some kind.
#[derive(Debug)]
pub(crate) enum Whole {
    Chat(ChatResponse),
    Embeddings(EmbeddingResponse),
    Rerank(RerankResponse),
    Operation(OperationResponse),
    Sound(Sound),
    Transcript(OperationResponse),
    /// A transcript as text or subtitles.
    Written(Sound),
}

/// An answer that is no JSON, e.g. a text read aloud, or subtitles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// What the server says it is.
    pub content_type: Option<HeaderValue>,
    /// The bytes as they came.
    pub bytes: Bytes,
}

impl Asked<'_> {
    /// Whether it does more than answer, or costs by the piece, so that it must not be asked twice
    /// at the same time: pictures and sounds, tools that run at the provider, answers it keeps.
    pub(crate) fn acts(&self) -> bool {
        match self {
            Self::Chat(request, _) => {
                let runs_here =
                    |tool: &Value| tool.get("type").is_none_or(|kind| kind == "function");
                let tools = request.field("tools").and_then(Value::as_array);
                tools.is_some_and(|tools| !tools.iter().all(runs_here))
                    || request.field("web_search_options").is_some()
                    || request.field("store").is_some_and(|store| *store == true)
            }
            Self::Embeddings(_) | Self::Rerank(_) => false,
            Self::Operation(request) => {
                !matches!(request.operation(), Operation::Completion | Operation::Moderation)
            }
            // Paid by the minute, and a long way for the file.
            Self::Transcription(_) => true,
        }
    }

    /// The model the caller names.
    pub(crate) fn model(&self) -> &str {
        match self {
            Self::Chat(request, _) => request.model(),
            Self::Embeddings(request) => request.model(),
            Self::Rerank(request) => request.model(),
            Self::Operation(request) => request.model(),
            Self::Transcription(request) => request.form.model(),
        }
    }

    pub(crate) fn delivery(&self) -> Delivery {
        match self {
            Self::Chat(_, delivery) => *delivery,
            Self::Operation(request) if request.stream() => Delivery::Streamed,
            Self::Transcription(request) if request.form.stream() => Delivery::Streamed,
            Self::Embeddings(_) | Self::Rerank(_) | Self::Operation(_) | Self::Transcription(_) => {
                Delivery::Whole
            }
        }
    }

    /// Whether servers may answer whole what they were asked to stream, as OpenAI says of transcripts
    /// by `whisper-1`, and as servers do that do not know the wish.
    pub(crate) fn may_come_whole(&self) -> bool {
        match self {
            Self::Transcription(_) => true,
            Self::Operation(request) => request.operation() != Operation::Completion,
            Self::Chat(..) | Self::Embeddings(_) | Self::Rerank(_) => false,
        }
    }

    /// The limits of time for an answer. Between the events of an image nothing comes for as long as
    /// for a whole one, so only the total holds for them.
    pub(crate) fn timeouts(&self, of_route: Timeouts) -> Timeouts {
        match self {
            Self::Operation(request) if request.operation() == Operation::ImageGeneration => {
                Timeouts { first_byte: of_route.total, idle: of_route.total, ..of_route }
            }
            _ => of_route,
        }
    }

    pub(crate) fn needs(&self) -> Needs {
        match self {
            Self::Chat(request, _) => Needs::of(request),
            Self::Embeddings(request) => Needs::from(*request),
            Self::Rerank(request) => Needs::from(*request),
            Self::Operation(request) => Needs::from(*request),
            Self::Transcription(request) => Needs::from(*request),
        }
    }

    /// Everything that is read as text, for counting.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::Chat(request, _) => plan::prompt_texts(request),
            // Never counted: each of their texts is read for itself.
            Self::Embeddings(_) | Self::Rerank(_) => Vec::new(),
            Self::Operation(request) => {
                request.texts().into_iter().map(ToOwned::to_owned).collect()
            }
            Self::Transcription(request) => {
                request.form.prompt().into_iter().map(ToOwned::to_owned).collect()
            }
        }
    }

    /// The beginning of the conversation, for the policy `affinity`.
    pub(crate) fn prefix(&self) -> u64 {
        match self {
            Self::Chat(request, _) => plan::prefix(request),
            Self::Embeddings(_) | Self::Rerank(_) | Self::Operation(_) | Self::Transcription(_) => {
                0
            }
        }
    }

    /// The calls that it takes on a server, one after the other.
    pub(crate) fn calls(
        &self,
        dialect: Dialect,
        upstream_model: &str,
    ) -> Result<Vec<Prepared>, RequestError> {
        let calls = match self {
            Self::Chat(request, delivery) => {
                vec![dialect.chat_call(request, upstream_model, *delivery)?]
            }
            Self::Embeddings(request) => {
                let pieces = request.split(dialect.embedding_batch_max(upstream_model));
                let calls =
                    pieces.iter().map(|piece| dialect.embedding_call(piece, upstream_model));
                calls.collect::<Result<_, _>>()?
            }
            Self::Rerank(request) => vec![dialect.rerank_call(request, upstream_model)?],
            Self::Operation(request) => vec![dialect.operation_call(request, upstream_model)?],
            Self::Transcription(request) => {
                return Ok(vec![request.call(dialect, upstream_model)?]);
            }
        };
        Ok(calls.into_iter().map(Prepared::from).collect())
    }

    /// Largest answer that comes whole, in bytes; beyond: the route counts as failed.
    pub(crate) fn answer_bytes_max(&self) -> usize {
        match self {
            Self::Operation(request) if request.operation() == Operation::Moderation => {
                VERDICT_BYTES_MAX
            }
            _ => ANSWER_BYTES_MAX,
        }
    }

    /// What reads an answer that comes in pieces.
    pub(crate) fn reader(&self, dialect: Dialect, head: &Head) -> ChatStream {
        match self {
            Self::Transcription(_) => ChatStream::of_typed_events(SseLimits::default()),
            Self::Operation(request) if request.operation() != Operation::Completion => {
                ChatStream::of_typed_events(SseLimits::OF_MEDIA)
            }
            _ => dialect.chat_stream(head.clone()),
        }
    }

    /// The media type of a whole answer; `None` if it is the caller's choice.
    pub(crate) fn media_type(&self) -> Option<&'static str> {
        let is_other = match self {
            Self::Operation(request) => request.operation().answers_with_sound(),
            Self::Transcription(request) => request.form.format() == TranscriptFormat::Text,
            Self::Chat(..) | Self::Embeddings(_) | Self::Rerank(_) => false,
        };
        (!is_other).then_some("application/json")
    }

    /// Reads the answers to the calls.
    pub(crate) fn read(
        &self,
        dialect: Dialect,
        received: Vec<Received>,
        head: &Head,
    ) -> Result<Whole, DecodeError> {
        if let Self::Embeddings(request) = self {
            let answers = received.iter().map(|one| dialect.embedding_response(&one.body));
            let whole = EmbeddingResponse::joined(answers.collect::<Result<_, _>>()?)?;
            // A vector that is missing would move all that follow to the wrong texts.
            let is_complete = whole.count() == request.count();
            return if is_complete { Ok(Whole::Embeddings(whole)) } else { Err(DecodeError) };
        }
        let Received { content_type, body } = received.into_iter().next().ok_or(DecodeError)?;
        match self {
            Self::Chat(..) => dialect.chat_response(&body, head).map(Whole::Chat),
            Self::Rerank(request) => dialect.rerank_response(&body, request).map(Whole::Rerank),
            Self::Operation(_) if self.media_type().is_none() => {
                Ok(Whole::Sound(Sound { content_type, bytes: body }))
            }
            Self::Transcription(_) if self.media_type().is_none() => {
                Ok(Whole::Written(Sound { content_type, bytes: body }))
            }
            Self::Operation(_) => OperationResponse::parse(&body).map(Whole::Operation),
            Self::Transcription(_) => OperationResponse::parse(&body).map(Whole::Transcript),
            Self::Embeddings(_) => Err(DecodeError),
        }
    }
}

impl Whole {
    /// What the server says it took.
    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Chat(response) => response.usage(),
            Self::Embeddings(response) => response.usage(),
            Self::Rerank(response) => response.usage(),
            Self::Operation(response) | Self::Transcript(response) => response.usage(),
            Self::Sound(_) | Self::Written(_) => None,
        }
    }

    /// What was taken beside tokens, or of tokens with a price of their own.
    pub(crate) fn parts(&self, asked: &Asked<'_>) -> Parts {
        let none = Parts::default();
        match (self, asked) {
            (Self::Chat(response), _) => {
                Parts { cached_tokens: response.usage_details().cached_tokens, ..none }
            }
            (Self::Operation(response), _) => Parts { images: response.images(), ..none },
            (Self::Sound(_), Asked::Operation(request)) => {
                Parts { characters: plan::characters(request), ..none }
            }
            (Self::Transcript(response), Asked::Transcription(request)) => {
                let said = response.audio_ms();
                Parts { audio_ms: said.unwrap_or_else(|| request.length().likely_ms()), ..none }
            }
            (Self::Written(_), Asked::Transcription(request)) => {
                Parts { audio_ms: request.length().likely_ms(), ..none }
            }
            _ => none,
        }
    }

    /// Bytes that were generated, for guessing tokens.
    pub(crate) fn generated_bytes(&self) -> usize {
        match self {
            Self::Chat(response) => response.generated_bytes(),
            Self::Operation(response) | Self::Transcript(response) => response.generated_bytes(),
            Self::Written(text) => text.bytes.len(),
            Self::Embeddings(_) | Self::Rerank(_) | Self::Sound(_) => 0,
        }
    }

    /// Writes down guessed figures where callers expect some.
    pub(crate) fn set_usage(&mut self, usage: Usage) {
        match self {
            Self::Chat(response) => response.set_field("usage", usage.to_value()),
            Self::Embeddings(response) => response.set_field("usage", usage.to_value()),
            Self::Rerank(_)
            | Self::Operation(_)
            | Self::Sound(_)
            | Self::Transcript(_)
            | Self::Written(_) => {}
        }
    }

    /// Names the model as the caller knows it.
    pub(crate) fn set_model(&mut self, name: &str) {
        match self {
            Self::Chat(response) => response.set_model(name),
            Self::Embeddings(response) => response.set_field("model", name.into()),
            Self::Rerank(response) => response.set_field("model", name.into()),
            Self::Operation(response) => response.set_field("model", name.into()),
            Self::Sound(_) | Self::Transcript(_) | Self::Written(_) => {}
        }
    }
}
