//! What programs ask of models beside chat: vectors, order, and the interfaces of OpenAI's that are
//! handed on. The same rights, classes, limits and records as for chat.

use std::{borrow::Cow, collections::VecDeque, pin::Pin, sync::Arc};

use domain::{DataClass, ErrorKind};
use futures_util::{Stream, stream};
use gateway::{
    Answered, Needs, Outcome, Sound, Terms, Transcript, TranscriptionRequest, TypedStream,
};
use llm::{
    Extension, Operation, OperationRequest, OperationResponse, TypedEvent,
    embeddings::{EmbeddingRequest, EmbeddingResponse},
    rerank::{RerankRequest, RerankResponse},
    transcription::SpeechTask,
};

use crate::{
    Answer, App, Call, ChunkStream, Error, Principal, Result, Way, Wishes,
    chat::{Sources, chunks},
    guardrail::{Protected, TranscriptCheck},
    limits::Measured,
    settlement::Settlement,
};

/// What comes of an interface that is handed on.
pub enum OperationReply {
    /// Completions piece by piece.
    Stream(ChunkStream),
    /// Images in the making, or a text read aloud, event by event.
    Events(TypedEvents),
    /// An answer in JSON.
    Json(OperationResponse),
    /// A text read aloud.
    Sound(Sound),
}

/// An answer event by event. Dropping it cancels the call and settles what it took.
pub type TypedEvents = Pin<Box<dyn Stream<Item = Result<TypedEvent>> + Send>>;

/// What was said in a recording.
pub enum TranscriptReply {
    /// As JSON.
    Json(OperationResponse),
    /// As text or subtitles.
    Text(Sound),
    /// On its way.
    Stream(TypedEvents),
}

/// The texts of a request, gathered when asked for.
type Texts<'a> = dyn Fn() -> Vec<Cow<'a, str>> + Sync + 'a;

/// Who asks which model for what.
struct Asking<'a> {
    operation: &'static str,
    needs: Needs,
    model: &'a str,
    extension: Option<&'a Extension>,
    /// Gathers every text in the request, whichever field it stands in: only for who wants to look.
    texts: &'a Texts<'a>,
    /// Whether some of it comes as tokens, which nobody here can read.
    has_tokens: bool,
    wishes: Wishes,
}

/// A request that is handed on, as far as it decides about limits.
struct Handed<'a> {
    needs: Needs,
    texts: &'a Texts<'a>,
}

impl Measured for Handed<'_> {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn texts(&self) -> Vec<String> {
        (self.texts)().into_iter().map(Cow::into_owned).collect()
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
            texts: &|| request.every_text(),
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
            texts: &|| request.every_text(),
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
            texts: &|| request.every_text(),
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
                match request.operation() {
                    Operation::ImageGeneration if request.stream() => {
                        let events = response.into_image_events().into_iter().map(Ok);
                        OperationReply::Events(Box::pin(stream::iter(events)))
                    }
                    _ => OperationReply::Json(response),
                }
            }
            Outcome::Events(events) => {
                let way = Way::new(taken, &settlement);
                let events = self.outgoing(*events, None, settlement);
                return Ok(Answer { way, reply: OperationReply::Events(events) });
            }
            Outcome::Sound(sound) => OperationReply::Sound(sound),
        };
        Ok(Answer { way: Way::new(taken, &settlement), reply })
    }

    /// Has a recording written down. The guard reads the texts beside it before, and what was said
    /// in it as an answer.
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
            texts: &|| request.texts().into_iter().map(Cow::Borrowed).collect(),
            has_tokens: false,
            wishes,
        };
        let Account { mut settlement, terms, protected } =
            self.open_account(principal, asking).await?;
        let answered = self.gateway.transcribe(request, terms, &settlement.meter).await;
        let Answered { response, taken } =
            answered.map_err(|error| self.call_failed(&mut settlement, error))?;
        let reply = match response {
            Transcript::Json(mut response) => {
                self.check_transcript(&taken, &protected, &mut response, &mut settlement).await;
                TranscriptReply::Json(response)
            }
            Transcript::Text(mut text) => {
                self.check_subtitles(&taken, &protected, &mut text, &mut settlement).await;
                TranscriptReply::Text(text)
            }
            Transcript::Stream(stream) => {
                let way = Way::new(taken.clone(), &settlement);
                let check = self.transcript_check(taken, protected, &settlement);
                let events = self.outgoing(*stream, check, settlement);
                return Ok(Answer { way, reply: TranscriptReply::Stream(events) });
            }
        };
        Ok(Answer { way: Way::new(taken, &settlement), reply })
    }

    /// The model for an interface whose callers may leave it out: the first that is there for it
    /// and that the principal may use.
    #[must_use]
    pub fn model_for(&self, principal: &Principal, operation: Operation) -> Option<String> {
        let catalogue = self.gateway.catalogue();
        let mut models = catalogue.models().iter().filter(|m| self.is_usable(principal, m));
        models.find(|model| model.offers(operation.into())).map(|model| model.name.clone())
    }

    /// The events on their way to the caller.
    fn outgoing(
        self: &Arc<Self>,
        stream: TypedStream,
        check: Option<TranscriptCheck>,
        settlement: Settlement,
    ) -> TypedEvents {
        let app = Arc::clone(self);
        Outgoing { app, stream, check, ready: VecDeque::new(), settlement }.events()
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
        let declared = extension.and_then(|given| given.data_class);
        let of = self.class_of(principal, declared, DataClass::Open);
        self.check_request(principal, (wishes, offer), model, of).await?;
        let class = of.class;
        if has_tokens && self.must_read(principal, model, class) {
            return Err(Error::new(ErrorKind::Unprocessable, "guard_tokens"));
        }
        let request = Handed { needs, texts };
        let protected = self.admit(principal, (offer, model), texts, class).await?;
        let mut settlement = Settlement::new(self, principal, protected.class)?.of(operation);
        settlement.guarded(&protected.note);
        let terms = settlement.reserve(model, Some(&protected), &request).await?;
        let terms = Terms { deadline, explain: wishes.explain, ..terms };
        let terms = self.guarded_terms(terms, model, &protected);
        Ok(Account { settlement, terms, protected })
    }
}

/// Events on their way out, those of a transcript past who checks its text.
struct Outgoing {
    app: Arc<App>,
    stream: TypedStream,
    check: Option<TranscriptCheck>,
    ready: VecDeque<TypedEvent>,
    settlement: Settlement,
}

impl Outgoing {
    fn events(self) -> TypedEvents {
        Box::pin(stream::unfold(Some(self), |outgoing| async move {
            let mut outgoing = outgoing?;
            let event = outgoing.next().await?;
            let rest = event.is_ok().then_some(outgoing);
            Some((event, rest))
        }))
    }

    async fn next(&mut self) -> Option<Result<TypedEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            let event = match self.stream.next().await? {
                Ok(event) => event,
                Err(error) => return Some(Err(self.app.call_failed(&mut self.settlement, error))),
            };
            let Some(check) = &mut self.check else { return Some(Ok(event)) };
            match check.pass(event, &mut self.settlement).await {
                Ok(events) => self.ready.extend(events),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Account {
    /// The answer that ends the call.
    fn answer<T>(self, answered: Answered<T>) -> Answer<T> {
        let way = Way::new(answered.taken, &self.settlement);
        Answer { way, reply: answered.response }
    }
}
