//! A call from plan to answer: route after route, try after try, until one answers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::DataClass;
use llm::{ChatRequest, ChatResponse, Citation, Delivery};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Catalogue, ChatStream, GatewayError, Metered, OpenAiRoute, Route, RouteKind, Taken, UsageMeter,
    attempt::{Attempt, Failed, Next},
    backoff,
    built_in::{self, BuiltIn},
    plan::candidates,
    stream::{Origin, Wanted},
};

/// How persistent the gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Tries on one route before the next one is taken; at least one.
    pub attempts_per_route: u32,
    /// The wait before the first retry; it doubles with each.
    pub backoff_first: Duration,
    /// The longest wait of our own.
    pub backoff_max: Duration,
    /// The longest wait that a server may wish for; beyond: the next route is taken at once.
    pub retry_after_max: Duration,
    /// Most answers of the built-in engine at the same time, over all its routes; beyond: they wait.
    pub built_in_concurrent_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempts_per_route: 3,
            backoff_first: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
            retry_after_max: Duration::from_secs(10),
            built_in_concurrent_max: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}

/// Gets answers from models. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway {
    client: reqwest::Client,
    catalogue: Arc<Catalogue>,
    /// Free places, by model and route as they stand in the catalogue.
    places: Arc<Vec<Vec<Arc<Semaphore>>>>,
    built_in: BuiltIn,
    settings: Settings,
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

/// An answer of either form, and the place it holds.
struct Opened {
    answer: Answer,
    taken: Taken,
    permit: OwnedSemaphorePermit,
}

enum Answer {
    Stream(Origin),
    Whole(Box<ChatResponse>),
}

/// What all tries of one call share.
struct Call<'a> {
    request: &'a ChatRequest,
    delivery: Delivery,
    meter: &'a UsageMeter,
    attempts: u32,
}

impl Gateway {
    /// Takes the one HTTP client of the process, which must follow no redirects, and the catalogue.
    #[must_use]
    pub fn new(client: reqwest::Client, catalogue: Catalogue, settings: Settings) -> Self {
        let places = catalogue.models().iter().map(|model| {
            let routes = model.routes.iter();
            routes.map(|route| Arc::new(Semaphore::new(route.concurrent_max))).collect()
        });
        Self {
            client,
            places: Arc::new(places.collect()),
            catalogue: Arc::new(catalogue),
            built_in: BuiltIn::new(settings.built_in_concurrent_max),
            settings,
        }
    }

    /// The models there are.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
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
        class: DataClass,
        meter: &UsageMeter,
    ) -> Result<ChatStream, GatewayError> {
        let call = Call { request, delivery: Delivery::Streamed, meter, attempts: 0 };
        let Opened { answer, taken, permit } = self.open(call, class).await?;
        let Answer::Stream(origin) = answer else {
            unreachable!("a call for a stream opens a stream")
        };
        let wanted =
            Wanted { model: request.model().to_owned(), include_usage: request.include_usage() };
        Ok(ChatStream::new(origin, wanted, taken, meter.clone(), permit))
    }

    /// Asks a model and waits for the whole answer. Dropping the future cancels the call; `meter`
    /// then holds what was used.
    ///
    /// # Errors
    /// If no route may be tried, the request is refused, or every route failed.
    pub async fn complete(
        &self,
        request: &ChatRequest,
        class: DataClass,
        meter: &UsageMeter,
    ) -> Result<Completion, GatewayError> {
        let call = Call { request, delivery: Delivery::Whole, meter, attempts: 0 };
        let Opened { answer, taken, permit } = self.open(call, class).await?;
        let (mut response, citations) = match answer {
            Answer::Whole(response) => (*response, Vec::new()),
            Answer::Stream(origin) => {
                let wanted = Wanted { model: request.model().to_owned(), include_usage: true };
                let meter = meter.clone();
                built_in::collect(ChatStream::new(origin, wanted, taken.clone(), meter, permit))
                    .await?
            }
        };
        response.set_field("model", Value::String(request.model().to_owned()));
        match response.usage() {
            Some(usage) => meter.report(usage),
            None => {
                meter.add_generated(response.generated_bytes());
                response.set_field("usage", meter.read().usage.to_value());
            }
        }
        meter.finish();
        Ok(Completion { response, taken, metered: meter.read(), citations })
    }

    async fn open(&self, mut call: Call<'_>, class: DataClass) -> Result<Opened, GatewayError> {
        let (model, candidates) =
            candidates(&self.catalogue, call.request.model(), class).map_err(GatewayError::Plan)?;
        let mut last = None;
        for candidate in candidates {
            let place = &self.places[candidate.model_index][candidate.route_index];
            let Ok(permit) = Arc::clone(place).try_acquire_owned() else {
                tracing::info!(route = candidate.route.name, "model route is at its limit");
                continue;
            };
            match self.try_route(&mut call, &model.name, candidate.route).await {
                Ok((answer, taken)) => return Ok(Opened { answer, taken, permit }),
                Err(Failed { error, next: Next::Nobody }) => return Err(error),
                Err(Failed { error, .. }) => last = Some(error),
            }
        }
        Err(last.unwrap_or(GatewayError::Overloaded { retry_after: None }))
    }

    async fn try_route(
        &self,
        call: &mut Call<'_>,
        model: &str,
        route: &Route,
    ) -> Result<(Answer, Taken), Failed> {
        match &route.kind {
            RouteKind::OpenAi(server) => self.try_server(call, model, route, server).await,
            RouteKind::BuiltIn => {
                call.attempts += 1;
                let taken = Taken::new(model, route, call.attempts);
                call.meter.begin(taken.clone(), call.request.prompt_bytes());
                let stream = self.built_in.open(call.request, route).await?;
                Ok((Answer::Stream(Origin::BuiltIn(stream)), taken))
            }
        }
    }

    /// Tries a server up to the number of attempts, with a wait between them. The route's place
    /// stays taken while waiting: the wait is bounded, and the call would come back at once.
    async fn try_server(
        &self,
        call: &mut Call<'_>,
        model: &str,
        route: &Route,
        server: &OpenAiRoute,
    ) -> Result<(Answer, Taken), Failed> {
        let body = Bytes::from(call.request.upstream_body(&server.upstream_model, call.delivery));
        let attempt = Attempt { client: &self.client, route, server, body: &body };
        let mut retry = 0;
        loop {
            call.attempts += 1;
            let taken = Taken::new(model, route, call.attempts);
            call.meter.begin(taken.clone(), call.request.prompt_bytes());
            let answered = match call.delivery {
                Delivery::Streamed => {
                    let stream = attempt.stream().await;
                    stream.map(|stream| Answer::Stream(Origin::Upstream(Box::new(stream))))
                }
                Delivery::Whole => attempt.whole().await.map(|r| Answer::Whole(Box::new(r))),
            };
            let failed = match answered {
                Ok(answer) => return Ok((answer, taken)),
                Err(failed) => failed,
            };
            call.meter.forget();
            tracing::info!(route = route.name, attempt = call.attempts, error = %failed.error,
                "model route failed");
            let wait = self.wait_before_retry(failed.next, retry);
            let Some(wait) = wait else { return Err(failed) };
            tokio::time::sleep(wait).await;
            retry += 1;
        }
    }

    /// How long to wait before the same route is tried again; `None` if it is not.
    fn wait_before_retry(&self, next: Next, retry: u32) -> Option<Duration> {
        let Next::SameRoute { after } = next else { return None };
        let settings = &self.settings;
        if retry + 1 >= settings.attempts_per_route {
            return None;
        }
        let own = backoff::delay(settings.backoff_first, settings.backoff_max, retry);
        match after {
            Some(wish) if wish > settings.retry_after_max => None,
            // Never before the server wishes, and not all at the same moment.
            Some(wish) => Some(wish + own),
            None => Some(own),
        }
    }
}
