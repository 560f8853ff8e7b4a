//! The way to models: what callers hold in their hands.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU64};

use arc_swap::ArcSwap;
use llm::{ChatRequest, ChatResponse, Citation, Delivery};
use serde_json::Value;

use crate::{
    Catalogue, ChatStream, GatewayError, Metered, Settings, Taken, Terms, UsageMeter,
    built_in::{self, BuiltIn},
    call::{Answer, Call, Opened},
    health_checks::HealthChecks,
    snapshot::Snapshot,
    status::{self, GatewayStatus},
    stream::Wanted,
};

/// Gets answers from models. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) client: reqwest::Client,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) built_in: BuiltIn,
    pub(crate) settings: Settings,
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

impl Gateway {
    /// Takes the one HTTP client of the process, which must follow no redirects, and the catalogue.
    #[must_use]
    pub fn new(client: reqwest::Client, catalogue: Catalogue, settings: Settings) -> Self {
        let snapshot = Snapshot::new(catalogue, None, &settings);
        Self {
            inner: Arc::new(Inner {
                client,
                snapshot: ArcSwap::from_pointee(snapshot),
                built_in: BuiltIn::new(settings.built_in_concurrent_max),
                seed: AtomicU64::new(settings.seed.unwrap_or_else(rand::random)),
                settings,
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
        status::forget(&before);
        let snapshot = Arc::new(Snapshot::new(catalogue, Some(&before), &self.inner.settings));
        self.inner.snapshot.store(Arc::clone(&snapshot));
        if let Some(checks) = checks.as_mut() {
            *checks = HealthChecks::start(&self.inner.client, &snapshot);
        }
    }

    /// Starts asking routes with a health check whether they are well, now and after each change of
    /// the catalogue. It ends when the last clone of the gateway is dropped. Must be called inside a
    /// runtime.
    pub fn start_health_checks(&self) {
        let mut checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        *checks = Some(HealthChecks::start(&self.inner.client, &self.inner.snapshot.load()));
    }

    /// How models and routes do at this moment. Names of the configuration and numbers only.
    #[must_use]
    pub fn status(&self) -> GatewayStatus {
        GatewayStatus::of(&self.inner.snapshot.load())
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
        let call = Call::new(&self.inner, request, Delivery::Streamed, terms.into(), meter);
        let Opened { answer, taken, lease } = Box::pin(call.open()).await?;
        let Answer::Stream(origin) = answer else {
            unreachable!("a call for a stream opens a stream")
        };
        let wanted =
            Wanted { model: named(request, &taken), include_usage: request.include_usage() };
        Ok(ChatStream::new(origin, wanted, taken, meter.clone(), lease))
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
        let call = Call::new(&self.inner, request, Delivery::Whole, terms.into(), meter);
        let Opened { answer, taken, mut lease } = Box::pin(call.open()).await?;
        let (mut response, citations) = match answer {
            Answer::Whole(response) => {
                let mut response = *response;
                match response.usage() {
                    Some(usage) => meter.report(usage),
                    None => {
                        meter.add_generated(response.generated_bytes());
                        response.set_field("usage", meter.usage().to_value());
                    }
                }
                lease.succeeded(meter.usage());
                (response, Vec::new())
            }
            Answer::Stream(origin) => {
                let wanted = Wanted { model: named(request, &taken), include_usage: true };
                let meter = meter.clone();
                built_in::collect(ChatStream::new(origin, wanted, taken.clone(), meter, lease))
                    .await?
            }
        };
        response.set_field("model", Value::String(named(request, &taken)));
        meter.finish();
        Ok(Completion { response, taken, metered: meter.read(), citations })
    }
}

/// The name that the answer bears: the one asked for, which for a choice is the one it fell on.
fn named(request: &ChatRequest, taken: &Taken) -> String {
    if request.model() == crate::AUTO_MODEL {
        taken.model.clone()
    } else {
        request.model().to_owned()
    }
}
