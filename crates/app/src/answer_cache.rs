//! Answers kept for whoever asks exactly the same again, with the same rights (decision 0016).
//!
//! Off unless configured. A hit comes after all that comes before a call: authorisation, class,
//! clearance and guard; only the call itself is spared. What is kept is what the caller got, after all
//! checks of answers; an answer in which these found anything is not kept.

use std::{sync::Arc, time::Duration};

use domain::{Credential, DataClass, Instant, Role};
use futures_util::stream;
use gateway::{AUTO_MODEL, Metered, Taken, Terms};
use identity::Seal;
use llm::{ChatChunk, ChatRequest, ChatResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::AnswerBounds;

use crate::{
    Answer, App, ChatReply, Config, Principal, Way,
    guardrail::{Protected, answer_rules_version},
    measure,
    settlement::Settlement,
};

/// Largest answer that is kept; beyond: none is.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Fields that make a request more than a question: an answer to it may have acted on the world, or
/// leaves something with the provider.
const ACTING: [&str; 6] =
    ["tools", "functions", "web_search_options", "store", "modalities", "audio"];

/// Which answers are kept, and how long.
#[derive(Debug, Clone)]
pub struct AnswerCache {
    /// The highest class of a request whose answer is kept or given again.
    pub class_max: DataClass,
    /// How long an answer is kept.
    pub lifetime: Duration,
    /// Most bytes of all answers; beyond: the oldest go.
    pub bytes_max: u64,
}

/// Whether an answer came out of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// It did.
    Hit,
    /// It might have, but was not there.
    Miss,
}

impl CacheUse {
    /// The word in headers and measurements.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

/// The place of one answer.
pub(crate) struct Slot {
    app: Arc<App>,
    tenant: domain::TenantId,
    seal: Seal,
    bounds: AnswerBounds,
    chunks: Vec<Map<String, Value>>,
    bytes: usize,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    route: String,
    prompt_tokens: u64,
    completion_tokens: u64,
    answer: KeptAnswer,
}

#[derive(Serialize, Deserialize)]
enum KeptAnswer {
    Whole(Map<String, Value>),
    Chunks(Vec<Map<String, Value>>),
}

/// An answer that is given again.
pub(crate) struct Again {
    /// The route that gave it at first.
    pub(crate) taken: Taken,
    pub(crate) usage: llm::Usage,
    pub(crate) answer: AgainAnswer,
}

pub(crate) enum AgainAnswer {
    Whole(ChatResponse),
    Chunks(Vec<ChatChunk>),
}

impl App {
    /// The place of the answer to a request, if it is one that is kept. `terms` are those on which
    /// the call would be made.
    pub(crate) fn answer_slot(
        self: &Arc<Self>,
        principal: &Principal,
        request: &ChatRequest,
        protected: &Protected,
        terms: &Terms,
    ) -> Option<Slot> {
        let policy = self.config.answer_cache.as_ref()?;
        let is_kept = terms.class <= policy.class_max
            && !terms.explain
            && protected.note.is_empty()
            && request.grounding.is_none()
            && request.model() != AUTO_MODEL
            && is_repeatable(request);
        if !is_kept {
            return None;
        }
        let catalogue = self.gateway.catalogue();
        let model = format!("{:?}", catalogue.model(request.model())?);
        let rights = rights(principal, terms);
        // What is kept has gone through the checks of these policies, by these lists.
        let Config { guard, guard_exceptions, .. } = &self.config;
        let guard = format!("{guard:?}; {guard_exceptions:?}; {}", answer_rules_version());
        // The form with all fields, in the order they came in.
        let body = format!("{request:?}");
        let tenant = principal.tenant.to_string();
        let parts = [&tenant, &rights, &model, &guard, &body].map(|part| part.as_bytes());
        Some(Slot {
            app: Arc::clone(self),
            tenant: principal.tenant,
            seal: self.secret.seal_for("answer_cache", &parts),
            bounds: AnswerBounds { lifetime: policy.lifetime, bytes_max: policy.bytes_max },
            chunks: Vec::new(),
            bytes: 0,
        })
    }
}

/// Whether the caller wants the same answer each time, and asks for nothing but an answer.
fn is_repeatable(request: &ChatRequest) -> bool {
    let is_set = |name: &str| {
        request.field(name).is_some_and(|value| !value.is_null() && *value != Value::Bool(false))
    };
    let is_cold = request.field("temperature").and_then(Value::as_f64).is_some_and(|t| t == 0.0);
    (is_cold || is_set("seed")) && !ACTING.into_iter().any(is_set)
}

/// All that decides what somebody may have: two people with the same text here may have the same.
fn rights(principal: &Principal, terms: &Terms) -> String {
    let mut units: Vec<String> = principal.units.iter().map(ToString::to_string).collect();
    units.sort_unstable();
    let role = match principal.role {
        Role::Member => "member",
        Role::Admin => "admin",
    };
    let scopes = match &principal.credential {
        Credential::Session(_) => "session".to_owned(),
        Credential::ApiKey { scopes, .. } => {
            let mut scopes: Vec<_> = scopes.iter().map(|scope| scope.code()).collect();
            scopes.sort_unstable();
            scopes.dedup();
            scopes.join(" ")
        }
    };
    // An answer that was cut is for whoever gets no longer one.
    let Terms { class, places, access, answer_max, .. } = terms;
    let (units, class) = (units.join(" "), class.code());
    format!("{role}; {units}; {scopes}; {class}; {places:?}; {access:?}; {answer_max:?}")
}

impl Again {
    /// The answer in the form in which it was kept, on the account of this call.
    pub(crate) fn into_answer(self, mut settlement: Settlement) -> Answer<ChatReply> {
        settlement.answered_again(self.taken.clone(), self.usage);
        let cache = Some(CacheUse::Hit);
        let way = Way { cache, ..Way::new(self.taken, &settlement) };
        let reply = match self.answer {
            AgainAnswer::Whole(response) => ChatReply::Whole(response),
            AgainAnswer::Chunks(chunks) => {
                // The account is settled when the last piece was taken, or the caller is gone.
                let account = (chunks.into_iter(), settlement);
                ChatReply::Stream(Box::pin(stream::unfold(
                    account,
                    |(mut chunks, account)| async {
                        let chunk = chunks.next()?;
                        Some((Ok(chunk), (chunks, account)))
                    },
                )))
            }
        };
        Answer { way, reply }
    }
}

impl Slot {
    /// The answer that is kept there, if it may be given to this call.
    pub(crate) async fn look(&self, model: &str, terms: &Terms) -> Option<Again> {
        let found = self.find(model, terms).await;
        let outcome = if found.is_some() { CacheUse::Hit } else { CacheUse::Miss };
        measure::looked_up(outcome);
        found
    }

    async fn find(&self, model: &str, terms: &Terms) -> Option<Again> {
        let name = self.seal.name();
        let kept = self.app.store.kept_answer(self.tenant, name, Instant::now()).await;
        let sealed = kept.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "a kept answer could not be looked for");
        });
        let kept: Kept = serde_json::from_slice(&self.seal.open(&sealed.ok()??)?).ok()?;
        // The seal holds for the same routes only; that nothing goes where it may not is asked
        // again all the same.
        let catalogue = self.app.gateway.catalogue();
        let routes = &catalogue.model(model)?.routes;
        let route = routes.iter().find(|route| route.name == kept.route)?;
        let is_open = terms.routes.as_ref().is_none_or(|open| open.allow(model, &route.name));
        if route.clearance < terms.class || !terms.places.allows(route.place) || !is_open {
            return None;
        }
        let taken = Taken {
            model: model.to_owned(),
            route: route.name.clone(),
            place: route.place,
            price: Some(gateway::Price::default()),
            energy_mwh: None,
            attempts: 0,
        };
        let usage = llm::Usage {
            prompt_tokens: kept.prompt_tokens,
            completion_tokens: kept.completion_tokens,
        };
        let answer = match kept.answer {
            KeptAnswer::Whole(fields) => AgainAnswer::Whole(ChatResponse::from_fields(fields)),
            KeptAnswer::Chunks(chunks) => {
                AgainAnswer::Chunks(chunks.into_iter().map(ChatChunk::from_fields).collect())
            }
        };
        Some(Again { taken, usage, answer })
    }

    /// Takes down a piece of the answer on its way.
    pub(crate) fn add(&mut self, chunk: &ChatChunk) {
        if self.bytes <= ANSWER_BYTES_MAX {
            self.bytes += chunk.to_json().len();
            self.chunks.push(chunk.fields().clone());
        }
    }

    /// Keeps the pieces taken down, off the caller's way.
    pub(crate) fn keep_chunks(mut self, metered: &Metered) {
        if self.bytes <= ANSWER_BYTES_MAX {
            let chunks = std::mem::take(&mut self.chunks);
            self.keep(metered, KeptAnswer::Chunks(chunks));
        }
    }

    /// Keeps a whole answer, off the caller's way.
    pub(crate) fn keep_whole(self, metered: &Metered, response: &ChatResponse) {
        self.keep(metered, KeptAnswer::Whole(response.fields().clone()));
    }

    fn keep(self, metered: &Metered, answer: KeptAnswer) {
        let Some(taken) = &metered.taken else { return };
        let kept = Kept {
            route: taken.route.clone(),
            prompt_tokens: metered.usage.prompt_tokens,
            completion_tokens: metered.usage.completion_tokens,
            answer,
        };
        let Ok(content) = serde_json::to_vec(&kept) else { return };
        // An answer that is cut off or refused half-way is none; a very long one is rare.
        if !metered.is_finished || content.len() > ANSWER_BYTES_MAX {
            return;
        }
        let tasks = self.app.tasks.clone();
        tasks.spawn(async move {
            let sealed = self.seal.seal(content);
            let name = self.seal.name();
            let kept = self.app.store.keep_answer(self.tenant, name, &sealed, self.bounds).await;
            if let Err(error) = kept {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "an answer could not be kept");
            }
        });
    }
}
