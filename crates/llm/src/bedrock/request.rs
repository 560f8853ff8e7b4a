//! A request in the words of Converse.

use serde_json::{Map, Value, json};

use crate::anthropic::{BETA, Thoughts, max_tokens, thoughts};
use crate::conversation::{Block, Media, MediaSource, Speaker};
use crate::dialect::path_segment;
use crate::settings::{FieldRules, Format, HINTS, Settings, ToolChoice};
use crate::{ChatRequest, Delivery, Dialect, OutgoingCall, RequestError, upstream::grounded};

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
        "response_format",
        "reasoning_effort",
        "thinking",
        BETA,
    ],
    ignored: &HINTS,
};

/// Longest name of a document that Bedrock takes; a longer one is cut.
const NAME_CHARS_MAX: usize = 200;

pub(crate) fn chat_call(
    request: &ChatRequest,
    upstream_model: &str,
    delivery: Delivery,
    dialect: Dialect,
) -> Result<OutgoingCall, RequestError> {
    let messages = grounded(request);
    let (conversation, settings) = FIELDS.read(request, &messages, dialect)?;
    let mut body = Map::new();
    let mut turns = Vec::with_capacity(conversation.turns.len());
    for turn in &conversation.turns {
        let role = if turn.speaker == Speaker::User { "user" } else { "assistant" };
        turns.push(json!({"role": role, "content": contents(&turn.blocks, dialect)?}));
    }
    body.insert("messages".to_owned(), turns.into());
    if !conversation.system.is_empty() {
        body.insert("system".to_owned(), contents(&conversation.system, dialect)?.into());
    }
    let (additional, budget) = additional(&settings, upstream_model)?;
    let inference = inference(&settings, budget)?;
    if !inference.is_empty() {
        body.insert("inferenceConfig".to_owned(), inference.into());
    }
    insert_tools(&settings, &mut body)?;
    insert_output(&settings, &mut body)?;
    if !additional.is_empty() {
        body.insert("additionalModelRequestFields".to_owned(), additional.into());
    }
    let operation = match delivery {
        Delivery::Whole => "converse",
        Delivery::Streamed => "converse-stream",
    };
    let path = format!("model/{}/{operation}", path_segment(upstream_model));
    Ok(OutgoingCall::json(path, &body.into()))
}

/// The limit of a request that says none: only thoughts make one necessary.
pub(crate) fn answer_tokens_unsaid(settings: &Settings<'_>, upstream_model: &str) -> Option<u64> {
    additional(settings, upstream_model).ok()?.1.map(max_tokens)
}

/// The settings of all models. A budget for thinking counts against the limit, so it needs one.
fn inference(
    settings: &Settings<'_>,
    budget: Option<u64>,
) -> Result<Map<String, Value>, RequestError> {
    let mut config = Map::new();
    let limit = settings.request.max_tokens().map(u64::from);
    if let Some(tokens) = limit.or(budget.map(max_tokens)) {
        config.insert("maxTokens".to_owned(), tokens.into());
    }
    settings.copy(&[("temperature", "temperature"), ("top_p", "topP")], &mut config);
    let stop = settings.stop()?;
    if !stop.is_empty() {
        config.insert("stopSequences".to_owned(), json!(stop));
    }
    Ok(config)
}

fn insert_tools(
    settings: &Settings<'_>,
    body: &mut Map<String, Value>,
) -> Result<(), RequestError> {
    let mut tools = Vec::new();
    for tool in settings.tools()? {
        let schema = tool.parameters.cloned().unwrap_or_else(|| json!({"type": "object"}));
        let mut spec = json!({"name": tool.name, "inputSchema": {"json": schema}});
        if let Some(description) = tool.description {
            spec["description"] = description.into();
        }
        if let Some(strict) = tool.strict {
            spec["strict"] = strict.into();
        }
        tools.push(json!({ "toolSpec": spec }));
        tools.extend(tool.cache.map(cache_point));
    }
    let choice = match settings.tool_choice()? {
        None => None,
        Some(ToolChoice::Auto) => Some(json!({"auto": {}})),
        Some(ToolChoice::Required) => Some(json!({"any": {}})),
        Some(ToolChoice::Function(name)) => Some(json!({"tool": {"name": name}})),
        Some(ToolChoice::None) => return Err(settings.dialect.refuse("tool_choice")),
    };
    if tools.is_empty() {
        return Ok(());
    }
    let mut config = json!({ "tools": tools });
    if let Some(choice) = choice {
        config["toolChoice"] = choice;
    }
    body.insert("toolConfig".to_owned(), config);
    Ok(())
}

fn insert_output(
    settings: &Settings<'_>,
    body: &mut Map<String, Value>,
) -> Result<(), RequestError> {
    let (name, description, schema) = match settings.format()? {
        None => return Ok(()),
        Some(Format::JsonObject) => return Err(settings.dialect.refuse("response_format.type")),
        Some(Format::JsonSchema { name, description, schema }) => (name, description, schema),
    };
    let mut wanted = json!({"name": name, "schema": schema.to_string()});
    if let Some(description) = description {
        wanted["description"] = description.into();
    }
    let format = json!({"type": "json_schema", "structure": {"jsonSchema": wanted}});
    body.insert("outputConfig".to_owned(), json!({ "textFormat": format }));
    Ok(())
}

/// What the maker of a model adds to Converse, and a budget for thinking in it. Which maker it is,
/// the model's id tells.
fn additional(
    settings: &Settings<'_>,
    upstream_model: &str,
) -> Result<(Map<String, Value>, Option<u64>), RequestError> {
    let mut fields = Map::new();
    if upstream_model.contains("anthropic.") {
        settings.copy(&[("top_k", "top_k")], &mut fields);
        let betas = settings.betas()?;
        if !betas.is_empty() {
            fields.insert("anthropic_beta".to_owned(), json!(betas));
        }
        let Thoughts { thinking, effort, budget } = thoughts(settings, upstream_model)?;
        fields.extend(thinking.map(|thinking| ("thinking".to_owned(), thinking)));
        let effort = effort.map(|effort| ("output_config".to_owned(), json!({"effort": effort})));
        fields.extend(effort);
        return Ok((fields, budget));
    }
    for name in ["top_k", BETA] {
        if settings.request.field(name).is_some() {
            return Err(settings.dialect.refuse(name));
        }
    }
    let thinking = settings.thinking()?;
    if let Some(effort) = thinking.as_ref().and_then(|thinking| thinking.effort()) {
        if !upstream_model.contains("openai.") {
            return Err(settings.dialect.refuse("reasoning_effort"));
        }
        fields.insert("reasoning_effort".to_owned(), effort.into());
    }
    Ok((fields, None))
}

fn contents(blocks: &[Block<'_>], dialect: Dialect) -> Result<Vec<Value>, RequestError> {
    let mut contents = Vec::with_capacity(blocks.len());
    for block in blocks {
        contents.extend(content(block, dialect)?);
        let cache = match block {
            Block::Text { cache, .. }
            | Block::ToolCall { cache, .. }
            | Block::ToolResult { cache, .. } => *cache,
            Block::Media(media) => media.cache,
            Block::Thinking { .. } | Block::RedactedThinking { .. } => None,
        };
        contents.extend(cache.map(cache_point));
    }
    Ok(contents)
}

fn cache_point(_mark: &Value) -> Value {
    json!({"cachePoint": {"type": "default"}})
}

/// One block; `None` for thoughts without a seal.
fn content(block: &Block<'_>, dialect: Dialect) -> Result<Option<Value>, RequestError> {
    Ok(Some(match block {
        Block::Text { text, .. } => json!({ "text": text }),
        Block::Media(one) => media(one, dialect)?,
        Block::Thinking { signature: None, .. } => return Ok(None),
        Block::Thinking { text, signature } => {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}})
        }
        Block::RedactedThinking { data } => json!({"reasoningContent": {"redactedContent": data}}),
        Block::ToolCall { id, name, arguments, .. } => {
            json!({"toolUse": {"toolUseId": id, "name": name, "input": arguments}})
        }
        Block::ToolResult { id, blocks, is_error, .. } => {
            let mut result = json!({"toolUseId": id, "content": contents(blocks, dialect)?});
            if *is_error {
                result["status"] = "error".into();
            }
            json!({ "toolResult": result })
        }
    }))
}

fn media(media: &Media<'_>, dialect: Dialect) -> Result<Value, RequestError> {
    let refused = || dialect.refuse(media.path.as_str());
    let MediaSource::Inline { media_type, base64 } = media.source else { return Err(refused()) };
    let source = json!({ "bytes": base64 });
    if let Some(format) = media_type.strip_prefix("image/") {
        let format = if format == "jpg" { "jpeg" } else { format };
        return Ok(json!({"image": {"format": format, "source": source}}));
    }
    let format = match media_type {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        _ => return Err(refused()),
    };
    let name = document_name(media.name.unwrap_or("document"));
    Ok(json!({"document": {"format": format, "name": name, "source": source}}))
}

/// Bedrock takes letters, digits, single spaces, hyphens and brackets in a document's name.
fn document_name(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let plain = stem.chars().take(NAME_CHARS_MAX);
    let plain: String = plain.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if plain.is_empty() { "document".to_owned() } else { plain }
}
