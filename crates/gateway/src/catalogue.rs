//! The models there are, and the routes to each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::{DataClass, Place};
use llm::Dialect;

use crate::{
    Abilities, AutoChoice, AwsKeys, BaseUrl, HealthCheck, Hedging, LocalRoute, Offer, Offers,
    Policy, Prices, QueueLimits, RouteCare, Secret, ServiceAccount, Tokenizer,
};

/// The name that stands for a choice among models.
pub const AUTO_MODEL: &str = "auto";

/// All models, in the order in which they are shown.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    models: Vec<Arc<Model>>,
    by_name: HashMap<String, usize>,
    auto: Vec<AutoChoice>,
}

/// Why models make no catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Two models have the same name.
    #[error("the model {0:?} is there twice")]
    ModelTwice(String),
    /// Two routes of a model have the same name.
    #[error("the model {model:?} has the route {route:?} twice")]
    RouteTwice {
        /// The model.
        model: String,
        /// The route.
        route: String,
    },
    /// A model has no route.
    #[error("the model {0:?} has no route")]
    NoRoute(String),
    /// The choice behind `auto` names a model that is not there.
    #[error("the choice behind \"auto\" names the model {0:?}, which is not there")]
    AutoUnknown(String),
    /// There is a choice behind `auto`, and a model of that name.
    #[error("a model is named \"auto\", and there is a choice behind that name")]
    AutoTwice,
}

impl Catalogue {
    /// Puts models together.
    ///
    /// # Errors
    /// If a name is there twice or a model has no route.
    pub fn new(
        models: impl IntoIterator<Item = impl Into<Arc<Model>>>,
    ) -> Result<Self, CatalogueError> {
        let models: Vec<Arc<Model>> = models.into_iter().map(Into::into).collect();
        let mut names = HashSet::new();
        for model in &models {
            if !names.insert(model.name.as_str()) {
                return Err(CatalogueError::ModelTwice(model.name.clone()));
            }
            if model.routes.is_empty() {
                return Err(CatalogueError::NoRoute(model.name.clone()));
            }
            let mut routes = HashSet::new();
            if let Some(twice) = model.routes.iter().find(|route| !routes.insert(&route.name)) {
                let (model, route) = (model.name.clone(), twice.name.clone());
                return Err(CatalogueError::RouteTwice { model, route });
            }
        }
        let names = models.iter().enumerate();
        let by_name = names.map(|(index, model)| (model.name.clone(), index)).collect();
        Ok(Self { models, by_name, auto: Vec::new() })
    }

    /// The same with a choice behind the name `auto`: the first line that fits a request.
    ///
    /// # Errors
    /// If a line names a model that is not there, or a model is itself named `auto`.
    pub fn with_auto(mut self, choices: Vec<AutoChoice>) -> Result<Self, CatalogueError> {
        if !choices.is_empty() && self.model(AUTO_MODEL).is_some() {
            return Err(CatalogueError::AutoTwice);
        }
        if let Some(unknown) = choices.iter().find(|line| self.model(&line.model).is_none()) {
            return Err(CatalogueError::AutoUnknown(unknown.model.clone()));
        }
        self.auto = choices;
        Ok(self)
    }

    /// The choice behind the name `auto`; empty if there is none.
    #[must_use]
    pub fn auto(&self) -> &[AutoChoice] {
        &self.auto
    }

    /// All models.
    #[must_use]
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// The model with this name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.position(name).map(|index| &*self.models[index])
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// A name that people choose, and the ways to run it.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name, unique in the catalogue.
    pub name: String,
    /// What it is for, in the words of whoever configured it.
    pub purpose: String,
    /// What people should know before they choose it, in the same words.
    pub description: String,
    /// Which route is preferred.
    pub policy: Policy,
    /// How callers wait when all places are taken.
    pub queue: QueueLimits,
    /// The model that stands in when a budget for this one is used up. Whoever calls decides when.
    pub cheaper: Option<String>,
    /// When a call gets a second attempt beside the first.
    pub hedging: Hedging,
    /// The ways to run it; at least one.
    pub routes: Vec<Route>,
}

impl Model {
    /// A model with nothing but a name and routes: preferred by rank, callers wait a while.
    #[must_use]
    pub fn new(name: impl Into<String>, routes: Vec<Route>) -> Self {
        Self {
            name: name.into(),
            purpose: String::new(),
            description: String::new(),
            policy: Policy::default(),
            queue: QueueLimits::default(),
            cheaper: None,
            hedging: Hedging::default(),
            routes,
        }
    }

    /// The highest class that any of its routes may receive.
    #[must_use]
    pub fn clearance(&self) -> DataClass {
        self.routes.iter().map(|route| route.clearance).max().unwrap_or(DataClass::Open)
    }

    /// Whether one of its routes is there for this.
    #[must_use]
    pub fn offers(&self, offer: Offer) -> bool {
        self.routes.iter().any(|route| route.offers.has(offer))
    }

    /// Whether it quotes instead of writing, because all its routes are the built-in engine.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.routes.iter().all(|route| matches!(route.kind, RouteKind::BuiltIn))
    }
}

/// One way to run a model.
#[derive(Debug, Clone)]
pub struct Route {
    /// The name, unique within the model; shown to callers.
    pub name: String,
    /// How it is called.
    pub kind: RouteKind,
    /// Routes of a lower rank are tried first; the policy decides among equals.
    pub rank: u32,
    /// The share of the load among equals; at least one.
    pub weight: u32,
    /// Where it runs.
    pub place: Place,
    /// The highest class it may receive.
    pub clearance: DataClass,
    /// What it is there for; it never receives anything else.
    pub offers: Offers,
    /// What it can do beside text.
    pub abilities: Abilities,
    /// The most tokens of question and answer together, if that is known.
    pub context_tokens: Option<u64>,
    /// The longest answer, in tokens, if that is known.
    pub answer_tokens: Option<u64>,
    /// What counts them.
    pub tokenizer: Tokenizer,
    /// How it is asked whether it is well; `None`: only by the calls themselves.
    pub health_check: Option<HealthCheck>,
    /// Whether it takes no more calls, because an operator says so; running ones come to their end.
    pub drained: bool,
    /// How persistent and careful calls are here, where it differs from the rest.
    pub care: RouteCare,
    /// What it costs, and from when, as far as that is known.
    pub prices: Prices,
    /// Estimated milliwatt hours for a thousand tokens.
    pub energy_mwh: Option<u64>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Most calls at the same time; beyond: the next route, and without one the call waits in the
    /// model's queue.
    pub concurrent_max: usize,
}

impl Route {
    /// A route that is like any other of its model: for chat, first rank, weight 1, every ability,
    /// no price, 16 calls at the same time.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        kind: RouteKind,
        place: Place,
        clearance: DataClass,
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            rank: 1,
            weight: 1,
            place,
            clearance,
            offers: Offers::default(),
            abilities: Abilities::default(),
            context_tokens: None,
            answer_tokens: None,
            tokenizer: Tokenizer::default(),
            health_check: None,
            drained: false,
            care: RouteCare::default(),
            prices: Prices::default(),
            energy_mwh: None,
            timeouts: Timeouts::default(),
            concurrent_max: 16,
        }
    }
}

/// How a route is called.
#[expect(clippy::large_enum_variant, reason = "there are few, and a call reads it in place")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKind {
    /// A model server.
    Server(ServerRoute),
    /// The engine inside this process.
    BuiltIn,
    /// A language model in a file, computed inside this process.
    Local(LocalRoute),
}

/// A model server in this or another house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRoute {
    /// How it is spoken to.
    pub dialect: Dialect,
    /// Where it is.
    pub base_url: BaseUrl,
    /// Its key, if it wants one.
    pub api_key: Option<Secret>,
    /// How it wants the key.
    pub key_header: KeyHeader,
    /// The server's own name for the model.
    pub upstream_model: String,
    /// Parameters for every URL, e.g. Azure's `api-version`.
    pub query: Vec<(String, String)>,
}

/// How a server wants its key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyHeader {
    /// As its dialect has it.
    #[default]
    OfDialect,
    /// As `Authorization: Bearer …`.
    Bearer,
    /// In a header of its own, e.g. Azure's `api-key`.
    Named(http::HeaderName),
    /// Not at all: each call is signed with these.
    Signed(AwsKeys),
    /// Not at all: calls carry a token of this account.
    Account(ServiceAccount),
}

/// How long a call may take. Each attempt has its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the first event of a stream. An answer that comes whole has no first byte before its
    /// last, so there only the total counts.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For everything.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}
