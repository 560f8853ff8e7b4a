//! Which models and routes a call may use, as rights and protection say that the gateway itself does
//! not know.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// Answers for one caller.
type Rule = dyn Fn(&str) -> bool + Send + Sync;

/// Which models a caller may use. Clones share the rule.
#[derive(Clone, Default)]
pub struct ModelAccess {
    /// `None`: all models.
    rule: Option<Arc<Rule>>,
}

impl ModelAccess {
    /// Every model.
    pub const ALL: Self = Self { rule: None };

    /// The models for which the rule says yes. It is asked once for each model that comes into
    /// question, so it should answer at once.
    pub fn of(rule: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { rule: Some(Arc::new(rule)) }
    }

    /// Whether the caller may use the model of this name.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        self.rule.as_ref().is_none_or(|rule| rule(model))
    }
}

/// The only routes that a call may take. A route is known by its model and its name: routes of two
/// models may have the same one. Clones share the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRoutes {
    by_model: Arc<HashMap<String, HashSet<String>>>,
}

impl OpenRoutes {
    /// Nothing but these, by model and route.
    #[must_use]
    pub fn of<'n>(routes: impl IntoIterator<Item = (&'n str, &'n str)>) -> Self {
        let mut by_model = HashMap::<String, HashSet<String>>::new();
        for (model, route) in routes {
            by_model.entry(model.to_owned()).or_default().insert(route.to_owned());
        }
        Self { by_model: Arc::new(by_model) }
    }

    /// Whether the call may take this route of this model.
    #[must_use]
    pub fn allow(&self, model: &str, route: &str) -> bool {
        self.by_model.get(model).is_some_and(|routes| routes.contains(route))
    }
}

impl fmt::Debug for ModelAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.rule.is_some() { "by rule" } else { "all" })
    }
}
