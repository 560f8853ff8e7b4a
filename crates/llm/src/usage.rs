//! How many tokens a call took.

use serde_json::{Map, Value, json};

/// Tokens in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn total_tokens(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Guesses the tokens of a text: four bytes each, rounded up. Used only where a server reports
    /// nothing, and flagged as a guess by whoever uses it.
    #[must_use]
    pub const fn estimate_tokens(bytes: usize) -> u64 {
        (bytes as u64).div_ceil(4)
    }

    /// Reads the `usage` object of an answer or chunk; `None` if it is absent or not one.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let fields: &Map<String, Value> = value.as_object()?;
        let count = |key: &str| fields.get(key).and_then(Value::as_u64);
        let prompt_tokens = count("prompt_tokens")?;
        Some(Self { prompt_tokens, completion_tokens: count("completion_tokens").unwrap_or(0) })
    }

    /// Reads the figures under the names that OpenAI gives them for images and speech.
    #[must_use]
    pub(crate) fn of_input_and_output(value: &Value) -> Option<Self> {
        let count = |name: &str| value.get(name).and_then(Value::as_u64);
        let prompt_tokens = count("input_tokens")?;
        Some(Self { prompt_tokens, completion_tokens: count("output_tokens").unwrap_or(0) })
    }

    /// The `usage` object.
    #[must_use]
    pub fn to_value(self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens(),
        })
    }
}

/// Parts of the counts that have a price of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageDetails {
    /// Tokens of the prompt that came out of the server's cache.
    pub cached_tokens: u64,
    /// Tokens of the prompt that were written into the server's cache.
    pub cache_write_tokens: u64,
    /// Tokens of the answer that were spent on thinking.
    pub reasoning_tokens: u64,
}

impl UsageDetails {
    /// Reads the details of a `usage` object; what is absent counts as zero.
    #[must_use]
    pub fn from_value(usage: &Value) -> Self {
        let prompt = usage.get("prompt_tokens_details");
        let answer = usage.get("completion_tokens_details");
        let count = |details: Option<&Value>, name: &str| {
            details.and_then(|details| details.get(name)?.as_u64()).unwrap_or(0)
        };
        Self {
            cached_tokens: count(prompt, "cached_tokens"),
            cache_write_tokens: count(prompt, "cache_creation_tokens"),
            reasoning_tokens: count(answer, "reasoning_tokens"),
        }
    }

    /// The `usage` object with these details; `usage` counts them in.
    #[must_use]
    pub fn to_value(self, usage: Usage) -> Value {
        let mut value = usage.to_value();
        let mut prompt = json!({"cached_tokens": self.cached_tokens});
        if self.cache_write_tokens > 0 {
            prompt["cache_creation_tokens"] = self.cache_write_tokens.into();
        }
        value["prompt_tokens_details"] = prompt;
        value["completion_tokens_details"] = json!({"reasoning_tokens": self.reasoning_tokens});
        value
    }
}
