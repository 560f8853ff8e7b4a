//! In which small ways servers that speak OpenAI differ from each other.

use crate::anthropic::BETA;
use crate::settings::{HINTS, Settings, asks_for_something, check_stream_options};
use crate::{ChatRequest, Dialect, RequestError};

/// What the limit on tokens is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaxTokensName {
    /// As the caller wrote it.
    AsGiven,
    /// `max_tokens`, the older name.
    Old,
    /// `max_completion_tokens`, the newer name, which OpenAI's reasoning models insist on.
    New,
}

/// What becomes of the role `developer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeveloperRole {
    /// It is passed on.
    AsGiven,
    /// It becomes `system`, because chat templates know no other.
    System,
}

/// One row of differences. Fields that no row names are passed on as they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quirks {
    pub max_tokens: MaxTokensName,
    pub developer: DeveloperRole,
    /// Whether the server takes `stream_options`; if not, it reports usage without being asked.
    pub takes_stream_options: bool,
    /// Whether messages of the model may carry the reasoning behind them.
    pub takes_reasoning: bool,
    /// Fields with another name on this server: ours, theirs.
    pub renamed: &'static [(&'static str, &'static str)],
    /// Fields that the server refuses or, worse, overlooks; in groups, to be shared between rows.
    pub refused: &'static [&'static [&'static str]],
    /// Hints that the server refuses although the answer is the same without.
    pub ignored: &'static [&'static str],
}

/// No quirk at all.
const PLAIN: Quirks = Quirks {
    max_tokens: MaxTokensName::AsGiven,
    developer: DeveloperRole::AsGiven,
    takes_stream_options: true,
    takes_reasoning: true,
    renamed: &[],
    refused: &[],
    ignored: &[],
};

/// OpenAI and Azure: the old name is deprecated and newer models refuse it.
pub(crate) const OPENAI: Quirks = Quirks {
    max_tokens: MaxTokensName::New,
    takes_reasoning: false,
    refused: &[&["top_k"]],
    ..PLAIN
};

/// What only OpenAI itself can do: servers on top of open weights overlook it.
const OPENAI_ONLY: [&str; 7] = [
    "functions",
    "function_call",
    "modalities",
    "audio",
    "prediction",
    "verbosity",
    "web_search_options",
];

/// Servers on top of open weights: the chat template decides about roles.
pub(crate) const OPEN_WEIGHTS: Quirks = Quirks {
    max_tokens: MaxTokensName::Old,
    developer: DeveloperRole::System,
    refused: &[&OPENAI_ONLY],
    ..PLAIN
};

/// Mistral answers 422 to every field that it does not know.
pub(crate) const MISTRAL: Quirks = Quirks {
    takes_stream_options: false,
    takes_reasoning: false,
    renamed: &[("seed", "random_seed"), ("dimensions", "output_dimension")],
    refused: &[&OPENAI_ONLY, &["logprobs", "top_logprobs", "logit_bias", "top_k"]],
    ignored: &HINTS,
    ..OPEN_WEIGHTS
};

/// TGI gives one answer only, and several tool calls at once cannot be steered.
pub(crate) const TGI: Quirks = Quirks {
    refused: &[&OPENAI_ONLY, &["n", "logit_bias", "parallel_tool_calls", "reasoning_effort"]],
    ..OPEN_WEIGHTS
};

/// Scaleway's page on OpenAI compatibility lists these as unsupported.
pub(crate) const SCALEWAY: Quirks = Quirks {
    refused: &[&OPENAI_ONLY, &["n", "top_logprobs", "logit_bias"]],
    ignored: &["user"],
    ..OPEN_WEIGHTS
};

impl Quirks {
    /// The row of a server of which we know no quirk.
    pub(crate) const PLAIN: Self = PLAIN;

    pub(crate) fn check(
        &self,
        request: &ChatRequest,
        dialect: Dialect,
    ) -> Result<(), RequestError> {
        for name in self.refused.iter().copied().flatten() {
            if request.field(name).is_some_and(|value| asks_for_something(name, value)) {
                return Err(dialect.refuse(*name));
            }
        }
        if !self.takes_stream_options {
            check_stream_options(request, &|at| dialect.refuse(at))?;
        }
        if request.is_translated() {
            Settings { request, dialect }.thinking()?;
            if request.field(BETA).is_some() {
                return Err(dialect.refuse(BETA));
            }
        }
        Ok(())
    }

    /// The field's name on this server; `None` if it is left out.
    pub(crate) fn name_of<'a>(&self, field: &'a str) -> Option<&'a str> {
        match (field, self.max_tokens) {
            ("max_tokens", MaxTokensName::New) => return Some("max_completion_tokens"),
            ("max_completion_tokens", MaxTokensName::Old) => return Some("max_tokens"),
            _ => {}
        }
        // A refused field that is still here asks for nothing, and the server may not know it.
        if self.ignored.contains(&field) || self.refused.iter().any(|group| group.contains(&field))
        {
            return None;
        }
        let renamed = self.renamed.iter().find(|(ours, _)| *ours == field);
        Some(renamed.map_or(field, |(_, theirs)| theirs))
    }
}
