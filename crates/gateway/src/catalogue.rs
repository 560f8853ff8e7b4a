//! The models there are, and the routes to each.

use std::{collections::HashSet, time::Duration};

use domain::{DataClass, Place};
use llm::Usage;

use crate::{BaseUrl, Secret};

/// All models, in the order in which they are shown.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    models: Vec<Model>,
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
}

impl Catalogue {
    /// Puts models together.
    ///
    /// # Errors
    /// If a name is there twice or a model has no route.
    pub fn new(models: Vec<Model>) -> Result<Self, CatalogueError> {
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
        Ok(Self { models })
    }

    /// All models.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model with this name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// A name that people choose, and the ways to run it.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name, unique in the catalogue.
    pub name: String,
    /// What it is for, in the words of whoever configured it.
    pub purpose: String,
    /// The ways to run it, best first; at least one.
    pub routes: Vec<Route>,
}

impl Model {
    /// The highest class that any of its routes may receive.
    #[must_use]
    pub fn clearance(&self) -> DataClass {
        self.routes.iter().map(|route| route.clearance).max().unwrap_or(DataClass::Open)
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
    /// Where it runs.
    pub place: Place,
    /// The highest class it may receive.
    pub clearance: DataClass,
    /// What it costs, if that is known.
    pub price: Option<Price>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Most calls at the same time; beyond: the next route, and without one the call is refused as
    /// overloaded.
    pub concurrent_max: usize,
}

/// How a route is called.
#[derive(Debug, Clone)]
pub enum RouteKind {
    /// A server that speaks OpenAI.
    OpenAi(OpenAiRoute),
    /// The engine inside this process.
    BuiltIn,
}

/// A server that speaks OpenAI: vLLM, Ollama, llama.cpp, LocalAI, Azure and many more.
#[derive(Debug, Clone)]
pub struct OpenAiRoute {
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
    /// As `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// In a header of its own, e.g. Azure's `api-key`.
    Named(http::HeaderName),
}

/// What tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Micro-euro per million prompt tokens.
    pub input: u64,
    /// Micro-euro per million tokens of the answer.
    pub output: u64,
}

impl Price {
    /// The price of a call, in micro-euro, rounded up.
    #[must_use]
    pub fn of(self, usage: Usage) -> u64 {
        let input = u128::from(self.input) * u128::from(usage.prompt_tokens);
        let output = u128::from(self.output) * u128::from(usage.completion_tokens);
        u64::try_from((input + output).div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
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
