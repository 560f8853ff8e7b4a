//! The way to models: what callers hold in their hands.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU64};

use arc_swap::ArcSwap;
use domain::DataClass;
use llm::{
    ChatRequest, ChatResponse, Citation, Delivery, Operation, OperationRequest, OperationResponse,
    Usage,
    embeddings::{EmbeddingRequest, EmbeddingResponse},
    rerank::{RerankRequest, RerankResponse},
};

use crate::{
    Catalogue, ChatStream, Clients, Counted, GatewayError, HttpClient, Metered, Needs, Parts,
    Settings, Sound, Taken, Terms, Tokenizer, TranscriptionRequest, TypedStream, UsageMeter,
    asked::{Asked, Whole},
    built_in::{self, BuiltIn},
    call::{Answer, Call, Opened},
    counting::Counters,
    health_checks::HealthChecks,
    lease::Lease,
    local::LocalModels,
    plan,
    snapshot::Snapshot,
    status::{self, GatewayStatus},
    stream::{Origin, Wanted},
    today::Days,
};

/// Gets answers from models. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clients: Clients,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) built_in: BuiltIn,
    pub(crate) local: LocalModels,
    pub(crate) counters: Counters,
    pub(crate) settings: Settings,
    /// What routes did today, also of those that are gone.
    days: Days,
    /// Moves on with each plan.
    pub(crate) seed: AtomicU64,
    /// `None` until somebody wants them. Also held while the catalogue is replaced.
    checks: Mutex<Option<HealthChecks>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The answer.
    pub response: ChatResponse,
    /// The route that gave it.
    pub taken: Taken,
    /// What it took.
    pub metered: Metered,
    /// Where its quotes stand; only the built-in engine knows them by itself.
    pub citations: Vec<Citation>,
}

/// An answer of any kind and the route that gave it.
#[derive(Debug)]
pub struct Answered<T> {
    /// The answer.
    pub response: T,
    /// The route that gave it.
    pub taken: Taken,
}

impl<T> Answered<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Answered<U> {
        Answered { response: change(self.response), taken: self.taken }
    }
}

/// What comes of an interface that is handed on.
#[derive(Debug)]
pub enum Outcome {
    /// Completions piece by piece.
    Stream(Box<ChatStream>),
    /// Images in the making, or a text read aloud, event by event.
    Events(Box<TypedStream>),
    /// An answer in JSON.
    Json(OperationResponse),
    /// A text read aloud.
    Sound(Sound),
}

/// What comes of a recording.
#[derive(Debug)]
pub enum Transcript {
    /// As JSON.
    Json(OperationResponse),
    /// As text or subtitles.
    Text(Sound),
    /// On its way.
    Stream(Box<TypedStream>),
}

impl Gateway {
    /// Takes the HTTP clients of the process, which must follow no redirects, and the catalogue.
    #[must_use]
    pub fn new(clients: impl Into<Clients>, catalogue: Catalogue, settings: Settings) -> Self {
        let days = Days::default();
        let snapshot = Snapshot::new(catalogue, None, (&settings, &days));
        Self {
            inner: Arc::new(Inner {
                clients: clients.into(),
                snapshot: ArcSwap::from_pointee(snapshot),
                built_in: BuiltIn::new(settings.built_in_concurrent_max),
                local: LocalModels::default(),
                counters: Counters::default(),
                seed: AtomicU64::new(settings.seed.unwrap_or_else(rand::random)),
                settings,
                days,
                checks: Mutex::new(None),
            }),
        }
    }

    /// The models there are at this moment.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.inner.snapshot.load().catalogue)
    }

    /// Puts another catalogue in place of the present one, at once and whole. Running answers are
    /// not disturbed; calls that still look for a route go on with the new catalogue. What is known
    /// of a route is kept if model, name and server are the same.
    pub fn replace_catalogue(&self, catalogue: Catalogue) {
        let mut checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.inner.snapshot.load_full();
        let snapshot = {
            let known = (&self.inner.settings, &self.inner.days);
            Arc::new(Snapshot::new(catalogue, Some(&before), known))
        };
        status::forget(&before, &snapshot);
        self.inner.snapshot.store(Arc::clone(&snapshot));
        self.inner.local.keep_those_of(&snapshot.catalogue);
        self.inner.counters.forget();
        self.inner.days.forget(domain::Instant::now());
        if let Some(checks) = checks.as_mut() {
            checks.follow(self.inner.clients.here(), &snapshot);
        }
    }

    /// Starts asking routes with a health check whether they are well, now and after each change of
    /// the catalogue. It ends when the last clone of the gateway is dropped. Must be called inside a
    /// runtime.
    pub fn start_health_checks(&self) {
        let mut checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let checks = checks.get_or_insert_default();
        checks.follow(self.inner.clients.here(), &self.inner.snapshot.load());
    }

    pub(crate) fn client(&self) -> HttpClient {
        self.inner.clients.here().clone()
    }

    pub(crate) fn settings(&self) -> Settings {
        self.inner.settings
    }

    /// How models and routes do at this moment. Names of the configuration and numbers only.
    #[must_use]
    pub fn status(&self) -> GatewayStatus {
        GatewayStatus::of(&self.inner.snapshot.load())
    }

    /// Adds what a call on a route used and cost, in nano-euro, to what its status shows of today. Whoever
    /// settles calls says so, so that both agree.
    pub fn charge(&self, route: (&str, &str), usage: Usage, cost: u64) {
        self.inner.days.charge(route, usage, cost, domain::Instant::now());
    }

    /// Writes down the measurements that are states rather than events, for whoever measures now.
    pub fn measure(&self) {
        status::measure(&self.inner.snapshot.load());
    }

    /// Asks a model and streams its answer. Returns with the first event at hand: until then other
    /// routes are tried, afterwards none. `meter` can be read at any time, also after this future or
    /// the stream was dropped, which cancels the call.
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn chat(
        &self,
        request: &ChatRequest,
        terms: impl Into<Terms>,
        meter: &UsageMeter,
    ) -> Result<ChatStream, GatewayError> {
        let wanted = Wanted { model: String::new(), include_usage: request.include_usage() };
        self.stream(Asked::Chat(request, Delivery::Streamed), wanted, terms.into(), meter).await
    }

    /// Asks a model and waits for the whole answer. Dropping the future cancels the call; `meter`
    /// then holds what was used.
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn complete(
        &self,
        request: &ChatRequest,
        terms: impl Into<Terms>,
        meter: &UsageMeter,
    ) -> Result<Completion, GatewayError> {
        let asked = Asked::Chat(request, Delivery::Whole);
        let Opened { answer, taken, lease } = self.open(asked, terms.into(), meter).await?;
        let (response, citations) = match answer {
            Answer::Whole(whole) => match settle(*whole, &asked, &taken, meter, lease) {
                Whole::Chat(response) => (response, Vec::new()),
                _ => unreachable!("a chat is answered by a chat"),
            },
            Answer::Stream(origin) => {
                let wanted = Wanted { model: named(&asked, &taken), include_usage: true };
                let stream = ChatStream::new(origin, wanted, taken.clone(), meter.clone(), lease);
                let (mut response, citations) = built_in::collect(stream).await?;
                response.set_model(&named(&asked, &taken));
                meter.finish();
                (response, citations)
            }
        };
        Ok(Completion { response, taken, metered: meter.read(), citations })
    }

    /// Asks for vectors; longer requests go to the server in pieces. Otherwise as
    /// [`Gateway::complete`].
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn embed(
        &self,
        request: &EmbeddingRequest,
        terms: impl Into<Terms>,
        meter: &UsageMeter,
    ) -> Result<Answered<EmbeddingResponse>, GatewayError> {
        let answered = self.whole(Asked::Embeddings(request), terms.into(), meter).await?;
        Ok(answered.map(|whole| match whole {
            Whole::Embeddings(response) => response,
            _ => unreachable!("vectors were asked for"),
        }))
    }

    /// Asks for texts in the order in which they answer a question. Otherwise as
    /// [`Gateway::complete`].
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn rerank(
        &self,
        request: &RerankRequest,
        terms: impl Into<Terms>,
        meter: &UsageMeter,
    ) -> Result<Answered<RerankResponse>, GatewayError> {
        let answered = self.whole(Asked::Rerank(request), terms.into(), meter).await?;
        Ok(answered.map(|whole| match whole {
            Whole::Rerank(response) => response,
            _ => unreachable!("an order was asked for"),
        }))
    }

    /// Asks through one of the interfaces that are handed on; in pieces if the caller wants it so and
    /// the server does. Otherwise as [`Gateway::complete`].
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn operate(
        &self,
        request: &OperationRequest,
        terms: impl Into<Terms>,
        meter: &UsageMeter,
    ) -> Result<Answered<Outcome>, GatewayError> {
        let asked = Asked::Operation(request);
        if asked.delivery() == Delivery::Streamed && request.operation() == Operation::Completion {
            let wanted = Wanted { model: String::new(), include_usage: request.include_usage() };
            let stream = self.stream(asked, wanted, terms.into(), meter).await?;
            let taken = stream.taken().clone();
            return Ok(Answered { response: Outcome::Stream(Box::new(stream)), taken });
        }
        let Opened { answer, taken, lease } = self.open(asked, terms.into(), meter).await?;
        let response = match answer {
            Answer::Whole(whole) => match settle(*whole, &asked, &taken, meter, lease) {
                Whole::Operation(response) => Outcome::Json(response),
                Whole::Sound(sound) => Outcome::Sound(sound),
                _ => unreachable!("an operation was asked for"),
            },
            Answer::Stream(Origin::Upstream(stream)) => {
                let planned = match request.operation() {
                    Operation::ImageGeneration => (Parts::default(), request.n()),
                    _ => (Needs::from(request).parts, 1),
                };
                let answers = (taken.clone(), lease);
                let stream = TypedStream::new(*stream, answers, meter.clone(), planned);
                Outcome::Events(Box::new(stream))
            }
            Answer::Stream(Origin::BuiltIn(_) | Origin::Local(_)) => {
                unreachable!("the engines inside only write")
            }
        };
        Ok(Answered { response, taken })
    }

    /// Asks for speech to be written down; in pieces if the caller wants it so. Otherwise as
    /// [`Gateway::complete`].
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn transcribe(
        &self,
        request: &TranscriptionRequest,
        terms: impl Into<Terms>,
        meter: &UsageMeter,
    ) -> Result<Answered<Transcript>, GatewayError> {
        let asked = Asked::Transcription(request);
        let Opened { answer, taken, lease } = self.open(asked, terms.into(), meter).await?;
        let response = match answer {
            Answer::Stream(Origin::Upstream(stream)) => {
                // The server may say better at the end.
                let audio_ms = request.length().likely_ms();
                let planned = (Parts { audio_ms, ..Parts::default() }, 1);
                let answers = (taken.clone(), lease);
                let stream = TypedStream::new(*stream, answers, meter.clone(), planned);
                Transcript::Stream(Box::new(stream))
            }
            Answer::Whole(whole) => match settle(*whole, &asked, &taken, meter, lease) {
                Whole::Transcript(response) => Transcript::Json(response),
                Whole::Written(text) => Transcript::Text(text),
                _ => unreachable!("a transcript was asked for"),
            },
            Answer::Stream(Origin::BuiltIn(_) | Origin::Local(_)) => {
                unreachable!("the engines inside hear nothing")
            }
        };
        Ok(Answered { response, taken })
    }

    /// Counts what must be counted to say on which routes of a model, or of all behind `auto`, a request
    /// has room. For most requests that is nothing.
    pub async fn weigh(
        &self,
        model: &str,
        class: DataClass,
        needs: &mut Needs,
        texts: &(dyn Fn() -> Vec<String> + Sync),
    ) {
        let catalogue = self.catalogue();
        self.inner.weigh(&catalogue, (model, class), needs, texts).await;
    }

    /// Counts texts as this tokenizer does, up to `most` tokens.
    pub async fn count(&self, tokenizer: &Tokenizer, texts: Vec<String>, most: u64) -> Counted {
        self.inner.counters.count(tokenizer, texts, most).await
    }

    async fn open(
        &self,
        asked: Asked<'_>,
        terms: Terms,
        meter: &UsageMeter,
    ) -> Result<Opened, GatewayError> {
        Box::pin(Call::new(&self.inner, asked, terms, meter).open()).await
    }

    /// `wanted` but for the name of the model, which only the answer decides.
    async fn stream(
        &self,
        asked: Asked<'_>,
        wanted: Wanted,
        terms: Terms,
        meter: &UsageMeter,
    ) -> Result<ChatStream, GatewayError> {
        let Opened { answer, taken, lease } = self.open(asked, terms, meter).await?;
        let Answer::Stream(origin) = answer else {
            unreachable!("a call for a stream opens a stream")
        };
        let wanted = Wanted { model: named(&asked, &taken), ..wanted };
        Ok(ChatStream::new(origin, wanted, taken, meter.clone(), lease))
    }

    async fn whole(
        &self,
        asked: Asked<'_>,
        terms: Terms,
        meter: &UsageMeter,
    ) -> Result<Answered<Whole>, GatewayError> {
        let Opened { answer, taken, lease } = self.open(asked, terms, meter).await?;
        let Answer::Whole(whole) = answer else {
            unreachable!("only chat and completions are streamed")
        };
        Ok(Answered { response: settle(*whole, &asked, &taken, meter, lease), taken })
    }
}

impl Inner {
    pub(crate) async fn weigh(
        &self,
        catalogue: &Catalogue,
        (model, class): (&str, DataClass),
        needs: &mut Needs,
        texts: &(dyn Fn() -> Vec<String> + Sync),
    ) {
        for (tokenizer, most) in plan::doubts(catalogue, model, class, needs) {
            let counted = self.counters.count(&tokenizer, texts(), most).await;
            needs.count(tokenizer, counted);
        }
    }
}

/// Meters a whole answer and gives it the name that the caller used.
fn settle(
    mut whole: Whole,
    asked: &Asked<'_>,
    taken: &Taken,
    meter: &UsageMeter,
    mut lease: Lease,
) -> Whole {
    match whole.usage() {
        Some(usage) => meter.report(usage),
        None => {
            meter.add_generated(whole.generated_bytes());
            whole.set_usage(meter.usage());
        }
    }
    meter.report_parts(whole.parts(asked));
    lease.succeeded(meter.usage());
    whole.set_model(&named(asked, taken));
    meter.finish();
    whole
}

/// The name that the answer bears: the one asked for, which for a choice is the one it fell on.
fn named(asked: &Asked<'_>, taken: &Taken) -> String {
    if asked.model() == crate::AUTO_MODEL { taken.model.clone() } else { asked.model().to_owned() }
}
