//! A request in Google's words.

use serde_json::{Map, Value, json};

use crate::conversation::{Block, Media, MediaSource, Speaker, joined_text};
use crate::dialect::path_segment;
use crate::settings::{FieldRules, Format, HINTS, Settings, Thinking, ToolChoice};
use crate::{ChatRequest, Delivery, Dialect, OutgoingCall, RequestError, upstream::grounded};

const FIELDS: FieldRules = FieldRules {
    translated: &[
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "seed",
        "n",
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "thinking",
    ],
    ignored: &HINTS,
};

/// Fields whose value needs no change: ours, theirs.
const COPIED: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("n", "candidateCount"),
    ("frequency_penalty", "frequencyPenalty"),
    ("presence_penalty", "presencePenalty"),
    ("logprobs", "responseLogprobs"),
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
    if !conversation.system.is_empty() {
        let text = conversation.system_text();
        body.insert("systemInstruction".to_owned(), json!({"parts": [{"text": text}]}));
    }
    let mut contents = Vec::with_capacity(conversation.turns.len());
    for turn in &conversation.turns {
        let role = if turn.speaker == Speaker::User { "user" } else { "model" };
        let mut parts = Vec::with_capacity(turn.blocks.len());
        for block in &turn.blocks {
            parts.extend(name_of_file(block));
            parts.extend(part(block, dialect)?);
        }
        contents.push(json!({"role": role, "parts": parts}));
    }
    body.insert("contents".to_owned(), contents.into());
    insert_tools(&settings, &mut body)?;
    let generation = generation(&settings, upstream_model)?;
    if !generation.is_empty() {
        body.insert("generationConfig".to_owned(), generation.into());
    }
    let (method, query): (_, &[_]) = match delivery {
        Delivery::Whole => ("generateContent", &[]),
        Delivery::Streamed => ("streamGenerateContent", &[("alt", "sse")]),
    };
    let path = format!("{}{}:{method}", prefix(dialect), path_segment(upstream_model));
    Ok(OutgoingCall { query, ..OutgoingCall::json(path, &body.into()) })
}

/// Where models are, below the base URL.
pub(crate) fn prefix(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Vertex { "publishers/google/models/" } else { "models/" }
}

fn insert_tools(
    settings: &Settings<'_>,
    body: &mut Map<String, Value>,
) -> Result<(), RequestError> {
    let tools = settings.tools()?;
    if !tools.is_empty() {
        let declarations = tools.iter().map(|tool| {
            let mut declaration = json!({"name": tool.name});
            if let Some(description) = tool.description {
                declaration["description"] = description.into();
            }
            if let Some(parameters) = tool.parameters {
                declaration["parametersJsonSchema"] = parameters.clone();
            }
            declaration
        });
        let declarations: Vec<Value> = declarations.collect();
        body.insert("tools".to_owned(), json!([{"functionDeclarations": declarations}]));
    }
    // Calls that must keep to their schema are asked for of all tools at once; where one must be called,
    // they do so anyway.
    let is_strict = tools.iter().any(|tool| tool.strict == Some(true));
    let config = match settings.tool_choice()? {
        None | Some(ToolChoice::Auto) if is_strict => json!({"mode": "VALIDATED"}),
        None => return Ok(()),
        Some(ToolChoice::Auto) => json!({"mode": "AUTO"}),
        Some(ToolChoice::None) => json!({"mode": "NONE"}),
        Some(ToolChoice::Required) => json!({"mode": "ANY"}),
        Some(ToolChoice::Function(name)) => {
            json!({"mode": "ANY", "allowedFunctionNames": [name]})
        }
    };
    body.insert("toolConfig".to_owned(), json!({"functionCallingConfig": config}));
    Ok(())
}

fn generation(
    settings: &Settings<'_>,
    upstream_model: &str,
) -> Result<Map<String, Value>, RequestError> {
    let mut config = Map::new();
    if let Some(tokens) = settings.request.max_tokens() {
        config.insert("maxOutputTokens".to_owned(), tokens.into());
    }
    settings.copy(&COPIED, &mut config);
    if let Some(top) = settings.request.field("top_logprobs") {
        config.insert("logprobs".to_owned(), top.clone());
    }
    let stop = settings.stop()?;
    if !stop.is_empty() {
        config.insert("stopSequences".to_owned(), json!(stop));
    }
    match settings.format()? {
        None => {}
        Some(format) => {
            config.insert("responseMimeType".to_owned(), "application/json".into());
            if let Format::JsonSchema { schema, description, .. } = format {
                let schema = Format::described_schema(description, schema);
                config.insert("responseJsonSchema".to_owned(), schema);
            }
        }
    }
    if let Some(thinking) = settings.thinking()? {
        config.insert("thinkingConfig".to_owned(), thinking_config(thinking, upstream_model));
    }
    Ok(config)
}

/// Models up to 2.5 think within a budget, younger ones at a level; the least there is stands for
/// not at all.
fn thinking_config(thinking: Thinking<'_>, upstream_model: &str) -> Value {
    let shows = thinking != Thinking::Off;
    let mut config = json!({"includeThoughts": shows});
    if upstream_model.starts_with("gemini-2") {
        config["thinkingBudget"] = thinking.budget_tokens().map_or(json!(-1), Value::from);
    } else if let Some(effort) = thinking.effort() {
        let level = match effort {
            "none" | "minimal" => "minimal",
            "low" | "medium" => effort,
            _ => "high",
        };
        config["thinkingLevel"] = level.into();
    }
    config
}

/// The name of a file, as a text before it: Google has no other place for it.
fn name_of_file(block: &Block<'_>) -> Option<Value> {
    match block {
        Block::Media(Media { name: Some(name), .. }) => Some(json!({ "text": name })),
        _ => None,
    }
}

/// One part; `None` for thoughts, which go back only as the seal on a call.
fn part(block: &Block<'_>, dialect: Dialect) -> Result<Option<Value>, RequestError> {
    Ok(Some(match block {
        Block::Text { text, .. } => json!({ "text": text }),
        Block::Media(one) => media(one, dialect)?,
        Block::Thinking { .. } | Block::RedactedThinking { .. } => return Ok(None),
        Block::ToolCall { name, arguments, signature, .. } => {
            let mut part = json!({"functionCall": {"name": name, "args": arguments}});
            if let Some(signature) = signature {
                part["thoughtSignature"] = (*signature).into();
            }
            part
        }
        Block::ToolResult { name: "", .. } => {
            let message = "belongs to no call before it";
            return Err(RequestError::invalid_value("tool_call_id", message));
        }
        Block::ToolResult { name, blocks, is_error, .. } => {
            if let Some(Block::Media(media)) =
                blocks.iter().find(|block| matches!(block, Block::Media(_)))
            {
                return Err(dialect.refuse(media.path.as_str()));
            }
            let text = joined_text(blocks);
            json!({"functionResponse": {"name": name, "response": result(text, *is_error)}})
        }
    }))
}

/// A result must be an object; a text that is none becomes a field of one.
fn result(text: String, is_error: bool) -> Value {
    if is_error {
        return json!({ "error": text });
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => fields.into(),
        _ => json!({ "result": text }),
    }
}

fn media(media: &Media<'_>, dialect: Dialect) -> Result<Value, RequestError> {
    match media.source {
        MediaSource::Inline { media_type, base64 } => {
            Ok(json!({"inlineData": {"mimeType": media_type, "data": base64}}))
        }
        MediaSource::Url { url, .. } => {
            let ending = url.rsplit_once('.').map_or("", |(_, ending)| ending);
            let media_type = match ending.to_ascii_lowercase().as_str() {
                "png" => "image/png",
                "jpg" | "jpeg" => "image/jpeg",
                "webp" => "image/webp",
                "heic" => "image/heic",
                "pdf" => "application/pdf",
                // Google wants to be told what it will find.
                _ => return Err(dialect.refuse(media.path.as_str())),
            };
            Ok(json!({"fileData": {"mimeType": media_type, "fileUri": url}}))
        }
    }
}
