//! Which models a caller may use, as the rights say that the gateway itself does not know.

use std::{fmt, sync::Arc};

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

impl fmt::Debug for ModelAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.rule.is_some() { "by rule" } else { "all" })
    }
}
