//! A request in Anthropic's words.

use serde_json::{Map, Value, json};

use crate::conversation::{Block, Media, MediaSource, Speaker, Turn};
use crate::settings::{FieldRules, Format, Settings, Thinking, Tool, ToolChoice};
use crate::{ChatRequest, Delivery, Dialect, OutgoingCall, RequestError, upstream::grounded};

/// The interface demands a limit; this one holds where the caller set none.
const MAX_TOKENS_DEFAULT: u64 = 8_192;
/// The smallest budget for thinking that the interface takes.
pub(crate) const BUDGET_TOKENS_MIN: u64 = 1_024;

const FIELDS: FieldRules = FieldRules {
    translated: &[
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "thinking",
        "user",
        super::BETA,
    ],
    ignored: &[
        "metadata",
        "store",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
    ],
};

/// Models that think within a budget of tokens and know no levels. The list is closed: younger
/// models take levels.
const BUDGET_MODELS: [&str; 8] = [
    "claude-3-7",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2025",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2025",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
];

pub(crate) fn chat_call(
    request: &ChatRequest,
    upstream_model: &str,
    delivery: Delivery,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    let messages = grounded(request);
    let (conversation, settings) = FIELDS.read(request, &messages, dialect)?;
    let mut body = Map::new();
    body.insert("model".to_owned(), upstream_model.into());
    if !conversation.system.is_empty() {
        body.insert("system".to_owned(), contents(&conversation.system, dialect)?);
    }
    let turns: Result<Vec<_>, _> =
        conversation.turns.iter().map(|turn| message(turn, dialect)).collect();
    body.insert("messages".to_owned(), Value::Array(turns?));
    insert_limits(&settings, upstream_model, &mut body)?;
    insert_tools(&settings, &mut body)?;
    settings
        .copy(&[("temperature", "temperature"), ("top_p", "top_p"), ("top_k", "top_k")], &mut body);
    let stop = settings.stop()?;
    if !stop.is_empty() {
        body.insert("stop_sequences".to_owned(), json!(stop));
    }
    if let Some(user) = request.field("user") {
        body.insert("metadata".to_owned(), json!({"user_id": user}));
    }
    if delivery == Delivery::Streamed {
        body.insert("stream".to_owned(), true.into());
    }
    let mut headers = vec![(super::VERSION.0, super::VERSION.1.into())];
    let betas = settings.betas()?;
    if !betas.is_empty() {
        headers.push((super::BETA, betas.join(",").into()));
    }
    let call = OutgoingCall::json("messages", &Value::Object(body));
    Ok(OutgoingCall { headers, ..call })
}

/// The limit on tokens, thinking, and the form of the answer.
fn insert_limits(
    settings: &Settings<'_>,
    upstream_model: &str,
    body: &mut Map<String, Value>,
) -> Result<(), RequestError> {
    let mut output = Map::new();
    let limit = settings.request.max_tokens().map(u64::from);
    let Thoughts { thinking, budget, effort } = thoughts(settings, upstream_model)?;
    let max_tokens = limit.unwrap_or_else(|| max_tokens(budget.unwrap_or(0)));
    body.insert("max_tokens".to_owned(), max_tokens.into());
    if let Some(thinking) = thinking {
        body.insert("thinking".to_owned(), thinking);
    }
    if let Some(effort) = effort {
        output.insert("effort".to_owned(), effort.into());
    }
    match settings.format()? {
        None => {}
        Some(Format::JsonObject) => return Err(settings.dialect.refuse("response_format.type")),
        Some(Format::JsonSchema { schema, description, .. }) => {
            let schema = Format::described_schema(description, schema);
            output.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
        }
    }
    if !output.is_empty() {
        body.insert("output_config".to_owned(), Value::Object(output));
    }
    Ok(())
}

/// The limit where the caller set none: room for an answer beside the thoughts.
pub(crate) fn max_tokens(budget: u64) -> u64 {
    budget.saturating_add(MAX_TOKENS_DEFAULT)
}

/// The limit of a request that says none; `None` if it cannot be asked at all.
pub(crate) fn answer_tokens_unsaid(settings: &Settings<'_>, upstream_model: &str) -> Option<u64> {
    let thoughts = thoughts(settings, upstream_model).ok()?;
    Some(max_tokens(thoughts.budget.unwrap_or(0)))
}

/// How a model of Anthropic's is asked to think.
pub(crate) struct Thoughts {
    /// The field `thinking`.
    pub thinking: Option<Value>,
    /// Tokens of the answer that may go into thinking.
    pub budget: Option<u64>,
    /// The level, for models that know levels.
    pub effort: Option<String>,
}

pub(crate) fn thoughts(
    settings: &Settings<'_>,
    upstream_model: &str,
) -> Result<Thoughts, RequestError> {
    let limit = settings.request.max_tokens().map(u64::from);
    let wanted = settings.thinking()?;
    let thinks_in_budget = BUDGET_MODELS.iter().any(|model| upstream_model.contains(model));
    let budget = match wanted {
        Some(Thinking::Budget(tokens)) => Some(tokens),
        // Thinking counts against the limit, and a level must not use it up.
        Some(Thinking::Effort(_)) if thinks_in_budget && limit.is_some_and(leaves_no_thought) => {
            let message = "leaves no room for an answer of this length beside the thoughts";
            return Err(RequestError::unsupported("reasoning_effort", message));
        }
        Some(effort @ Thinking::Effort(_)) if thinks_in_budget => {
            let most = limit.map_or(u64::MAX, |limit| limit / 2);
            effort.budget_tokens().map(|tokens| tokens.min(most).max(BUDGET_TOKENS_MIN))
        }
        _ => None,
    };
    let (thinking, effort) = match (budget, wanted) {
        (Some(tokens), _) => (Some(json!({"type": "enabled", "budget_tokens": tokens})), None),
        (None, Some(wanted @ (Thinking::Adaptive | Thinking::Effort(_)))) => {
            let level = wanted.effort().map(str::to_owned);
            let given = || settings.request.field("reasoning_effort")?.as_str().map(str::to_owned);
            (Some(json!({"type": "adaptive"})), level.or_else(given))
        }
        (None, _) => (None, None),
    };
    let thinking = thinking.map(|mut thinking| {
        let wish = settings.request.field("thinking").and_then(|wish| wish.get("display"));
        if let Some(display) = wish.filter(|display| !display.is_null()) {
            thinking["display"] = display.clone();
        }
        thinking
    });
    let effort = effort.map(|level| if level == "minimal" { "low".to_owned() } else { level });
    Ok(Thoughts { thinking, budget, effort })
}

fn leaves_no_thought(limit: u64) -> bool {
    limit <= BUDGET_TOKENS_MIN
}

fn insert_tools(
    settings: &Settings<'_>,
    body: &mut Map<String, Value>,
) -> Result<(), RequestError> {
    let tools = settings.tools()?;
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.iter().map(tool).collect());
    }
    let one_at_a_time = settings.request.field("parallel_tool_calls") == Some(&Value::Bool(false));
    let choice = settings.tool_choice()?.or(one_at_a_time.then_some(ToolChoice::Auto));
    let Some(choice) = choice else { return Ok(()) };
    let mut choice = match choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Function(name) => json!({"type": "tool", "name": name}),
    };
    if one_at_a_time && choice["type"] != "none" {
        choice["disable_parallel_tool_use"] = true.into();
    }
    body.insert("tool_choice".to_owned(), choice);
    Ok(())
}

fn tool(tool: &Tool<'_>) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), tool.name.into());
    if let Some(description) = tool.description {
        fields.insert("description".to_owned(), description.into());
    }
    let schema = tool.parameters.cloned().unwrap_or_else(|| json!({"type": "object"}));
    fields.insert("input_schema".to_owned(), schema);
    if let Some(strict) = tool.strict {
        fields.insert("strict".to_owned(), strict.into());
    }
    marked(Value::Object(fields), tool.cache)
}

fn message(turn: &Turn<'_>, dialect: Dialect) -> Result<Value, RequestError> {
    let role = match turn.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    Ok(json!({"role": role, "content": contents(&turn.blocks, dialect)?}))
}

/// Blocks; a single plain text becomes the short form. Thoughts without a seal are left out: only the
/// server that had them may see them again.
fn contents(blocks: &[Block<'_>], dialect: Dialect) -> Result<Value, RequestError> {
    let is_sent = |block: &&Block<'_>| !matches!(block, Block::Thinking { signature: None, .. });
    let mut sent = blocks.iter().filter(is_sent);
    if let (Some(Block::Text { text, cache: None }), None) = (sent.next(), sent.next()) {
        return Ok((*text).into());
    }
    let sent = blocks.iter().filter(is_sent);
    sent.map(|block| content(block, dialect)).collect()
}

fn content(block: &Block<'_>, dialect: Dialect) -> Result<Value, RequestError> {
    Ok(match block {
        Block::Text { text, cache } => marked(json!({"type": "text", "text": text}), *cache),
        Block::Media(one) => marked(media(one, dialect)?, one.cache),
        Block::Thinking { text, signature } => {
            json!({"type": "thinking", "thinking": text, "signature": signature})
        }
        Block::RedactedThinking { data } => json!({"type": "redacted_thinking", "data": data}),
        Block::ToolCall { id, name, arguments, cache, .. } => {
            marked(json!({"type": "tool_use", "id": id, "name": name, "input": arguments}), *cache)
        }
        Block::ToolResult { id, blocks, is_error, cache, .. } => {
            let mut result = json!({"type": "tool_result", "tool_use_id": id});
            if !blocks.is_empty() {
                result["content"] = contents(blocks, dialect)?;
            }
            if *is_error {
                result["is_error"] = true.into();
            }
            marked(result, *cache)
        }
    })
}

fn media(media: &Media<'_>, dialect: Dialect) -> Result<Value, RequestError> {
    let (kind, source) = match media.source {
        MediaSource::Url { url, is_image } => {
            (if is_image { "image" } else { "document" }, json!({"type": "url", "url": url}))
        }
        MediaSource::Inline { media_type, base64 } => {
            let source = json!({"type": "base64", "media_type": media_type, "data": base64});
            match media_type {
                "application/pdf" => ("document", source),
                _ if media_type.starts_with("image/") => ("image", source),
                _ => return Err(dialect.refuse(media.path.as_str())),
            }
        }
    };
    let mut block = json!({"type": kind, "source": source});
    if let Some(name) = media.name.filter(|_| kind == "document") {
        block["title"] = name.into();
    }
    Ok(block)
}

fn marked(mut block: Value, cache: Option<&Value>) -> Value {
    if let Some(mark) = cache {
        block["cache_control"] = mark.clone();
    }
    block
}
