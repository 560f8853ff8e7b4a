//! What programs ask of models beside chat: vectors, order, and the interfaces of OpenAI's that are
//! handed on. The same rights, classes, limits and records as for chat.

use std::{borrow::Cow, pin::Pin, sync::Arc};

use domain::ErrorKind;
use futures_util::{Stream, stream};
use gateway::{
    Answered, Needs, Outcome, Sound, Terms, Transcript, TranscriptStream, TranscriptionRequest,
};
use llm::{
    Extension, Operation, OperationRequest, OperationResponse,
    embeddings::{EmbeddingRequest, EmbeddingResponse},
    rerank::{RerankRequest, RerankResponse},
    transcription::{SpeechTask, TranscriptEvent},
};

use crate::{
    Answer, App, Call, ChunkStream, Error, Principal, Result, Way, Wishes,
    chat::{Sources, chunks},
    guardrail::Protected,
    limits::Measured,
    settlement::Settlement,
};

/// What comes of an interface that is handed on.
pub enum OperationReply {
    /// Completions piece by piece.
    Stream(ChunkStream),
    /// An answer in JSON.
    Json(OperationResponse),
    /// A text read aloud.
    Sound(Sound),
}

/// A transcript event by event. Dropping it cancels the call and settles what it took.
pub type TranscriptEvents = Pin<Box<dyn Stream<Item = Result<TranscriptEvent>> + Send>>;

/// What was said in a recording.
pub enum TranscriptReply {
    /// As JSON.
    Json(OperationResponse),
    /// As text or subtitles.
    Text(Sound),
    /// On its way.
    Stream(TranscriptEvents),
}

/// Who asks which model for what.
struct Asking<'a> {
    operation: &'static str,
    needs: Needs,
    model: &'a str,
    extension: Option<&'a Extension>,
    /// Every text in the request, whichever field it stands in.
    texts: Vec<Cow<'a, str>>,
    /// Whether some of it comes as tokens, which nobody here can read.
    has_tokens: bool,
    wishes: Wishes,
}

/// A request that is handed on, as far as it decides about limits.
struct Handed<'a> {
    needs: Needs,
    texts: &'a [&'a str],
}

impl Measured for Handed<'_> {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn texts(&self) -> Vec<String> {
        self.texts.iter().map(|text| (*text).to_owned()).collect()
    }
}

/// What was opened for a call before it is made.
struct Account {
    settlement: Settlement,
    terms: Terms,
    protected: Protected,
}

impl App {
    /// Gets vectors for texts.
    ///
    /// # Errors
    /// If the principal may not use models; if no route is there for it and cleared for the class;
    /// if the model fails.
    pub async fn create_embedding(
        self: &Arc<Self>,
        principal: &Principal,
        call: impl Into<Call<&EmbeddingRequest>>,
    ) -> Result<Answer<EmbeddingResponse>> {
        let Call { request, wishes } = call.into();
        let asking = Asking {
            operation: "create_embedding",
            needs: Needs::from(request),
            model: request.model(),
            extension: request.extension(),
            texts: request.every_text(),
            has_tokens: request.has_tokens(),
            wishes,
        };
        let mut account = self.open_account(principal, asking).await?;
        let meter = &account.settlement.meter;
        let answered = self.gateway.embed(request, account.terms.clone(), meter).await;
        let answered =
            answered.map_err(|error| self.call_failed(&mut account.settlement, error))?;
        Ok(account.answer(answered))
    }

    /// Puts texts in the order in which they answer a question.
    ///
    /// # Errors
    /// As [`App::create_embedding`].
    pub async fn create_rerank(
        self: &Arc<Self>,
        principal: &Principal,
        call: impl Into<Call<&RerankRequest>>,
    ) -> Result<Answer<RerankResponse>> {
        let Call { request, wishes } = call.into();
        let asking = Asking {
            operation: "create_rerank",
            needs: Needs::from(request),
            model: request.model(),
            extension: request.extension(),
            texts: request.every_text(),
            has_tokens: false,
            wishes,
        };
        let mut account = self.open_account(principal, asking).await?;
        let meter = &account.settlement.meter;
        let answered = self.gateway.rerank(request, account.terms.clone(), meter).await;
        let answered =
            answered.map_err(|error| self.call_failed(&mut account.settlement, error))?;
        Ok(account.answer(answered))
    }

    /// Hands a request on to a server that has its interface.
    ///
    /// # Errors
    /// As [`App::create_embedding`].
    pub async fn create_operation(
        self: &Arc<Self>,
        principal: &Principal,
        call: impl Into<Call<&OperationRequest>>,
    ) -> Result<Answer<OperationReply>> {
        let Call { request, wishes } = call.into();
        let asking = Asking {
            operation: match request.operation() {
                Operation::Completion => "create_completion",
                Operation::Moderation => "create_moderation",
                Operation::ImageGeneration => "create_image",
                Operation::Speech => "create_speech",
            },
            needs: Needs::from(request),
            model: request.model(),
            extension: request.extension(),
            texts: request.every_text(),
            has_tokens: request.has_tokens(),
            wishes,
        };
        let Account { mut settlement, terms, protected } =
            self.open_account(principal, asking).await?;
        let answered = self.gateway.operate(request, terms, &settlement.meter).await;
        let Answered { response, taken } =
            answered.map_err(|error| self.call_failed(&mut settlement, error))?;
        let is_text = request.operation() == Operation::Completion;
        let reply = match response {
            Outcome::Stream(stream) => {
                let way = Way::new(taken, &settlement);
                let sources = Sources::default();
                let chunks = chunks(self.clone(), *stream, sources, protected, settlement);
                return Ok(Answer { way, reply: OperationReply::Stream(chunks) });
            }
            Outcome::Json(mut response) => {
                if is_text {
                    let mut answer = response.into_choices();
                    let on = (principal, &taken);
                    self.check_answer(on, &protected, &mut answer, &mut settlement).await;
                    response = answer.into();
                }
                OperationReply::Json(response)
            }
            Outcome::Sound(sound) => OperationReply::Sound(sound),
        };
        Ok(Answer { way: Way::new(taken, &settlement), reply })
    }

    /// Has a recording written down. The guard reads the texts beside it; what is said in it is
    /// bound by the class alone.
    ///
    /// # Errors
    /// As [`App::create_embedding`].
    pub async fn create_transcription(
        self: &Arc<Self>,
        principal: &Principal,
        call: impl Into<Call<&TranscriptionRequest>>,
    ) -> Result<Answer<TranscriptReply>> {
        let Call { request, wishes } = call.into();
        let asking = Asking {
            operation: match request.form.task() {
                SpeechTask::Transcription => "create_transcription",
                SpeechTask::Translation => "create_translation",
            },
            needs: Needs::from(request),
            model: request.form.model(),
            extension: request.form.extension(),
            texts: request.texts().into_iter().map(Cow::Borrowed).collect(),
            has_tokens: false,
            wishes,
        };
        let Account { mut settlement, terms, .. } = self.open_account(principal, asking).await?;
        let answered = self.gateway.transcribe(request, terms, &settlement.meter).await;
        let Answered { response, taken } =
            answered.map_err(|error| self.call_failed(&mut settlement, error))?;
        let way = Way::new(taken, &settlement);
        let reply = match response {
            Transcript::Json(response) => TranscriptReply::Json(response),
            Transcript::Text(text) => TranscriptReply::Text(text),
            Transcript::Stream(stream) => {
                TranscriptReply::Stream(self.transcript_events(*stream, settlement))
            }
        };
        Ok(Answer { way, reply })
    }

    fn transcript_events(
        self: &Arc<Self>,
        stream: TranscriptStream,
        settlement: Settlement,
    ) -> TranscriptEvents {
        let state = (Arc::clone(self), stream, settlement);
        Box::pin(stream::unfold(state, |(app, mut stream, mut settlement)| async move {
            let event = stream.next().await?;
            let event = event.map_err(|error| app.call_failed(&mut settlement, error));
            Some((event, (app, stream, settlement)))
        }))
    }

    /// The model for an interface whose callers may leave it out: the first that is there for it
    /// and that the principal may use.
    #[must_use]
    pub fn model_for(&self, principal: &Principal, operation: Operation) -> Option<String> {
        let catalogue = self.gateway.catalogue();
        let mut models = catalogue.models().iter().filter(|m| self.is_usable(principal, m));
        models.find(|model| model.offers(operation.into())).map(|model| model.name.clone())
    }

    /// Checks what is checked before any call, opens its account and sets its terms.
    async fn open_account(
        self: &Arc<Self>,
        principal: &Principal,
        asking: Asking<'_>,
    ) -> Result<Account> {
        let Asking { operation, needs, model, extension, texts, has_tokens, wishes } = asking;
        let deadline = wishes.admit(principal)?;
        let offer = needs.offer;
        if extension
            .is_some_and(|given| !given.collections.is_empty() || !given.documents.is_empty())
        {
            return Err(Error::invalid("sources_only_in_chat").in_field("fachwerk"));
        }
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let declared = extension.and_then(|given| given.data_class);
        let class = declared.unwrap_or(self.config.api_class);
        self.check_clearance_for(principal, offer, model, class).await?;
        if has_tokens && self.must_read(principal, model, class) {
            return Err(Error::new(ErrorKind::Unprocessable, "guard_tokens"));
        }
        let request = Handed { needs, texts: &texts };
        let protected = self.admit(principal, (offer, model), &texts, class).await?;
        let mut settlement = Settlement::new(self, principal, protected.class)?.of(operation);
        settlement.guarded(&protected.note);
        let terms = settlement.reserve(model, Some(&protected), &request).await?;
        let terms = Terms { deadline, explain: wishes.explain, ..terms };
        let terms = self.guarded_terms(terms, model, &protected);
        Ok(Account { settlement, terms, protected })
    }
}

impl Account {
    /// The answer that ends the call.
    fn answer<T>(self, answered: Answered<T>) -> Answer<T> {
        let way = Way::new(answered.taken, &self.settlement);
        Answer { way, reply: answered.response }
    }
}
