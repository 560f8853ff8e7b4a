//! The description of the interface (OpenAPI 3.1): what is true of every operation is said once,
//! here.

use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::door::problem::{is_anthropic, is_openai};

/// Bodies under `/v1`, which the program keeps as they come and therefore has no types for: what it
/// acts on, by operation. Other fields are allowed, because they are passed on.
const MODEL_BODIES: &str = include_str!("description/models.json");

/// What is wrong with a request (RFC 9457), everywhere but under `/v1`.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes what the door writes")]
struct ProblemSchema {
    /// Always `about:blank`.
    r#type: String,
    title: String,
    status: u16,
    /// A sentence for people, German or English by `Accept-Language`.
    detail: String,
    /// A stable name for programs.
    code: String,
    /// Which fields of the request are wrong, with a sentence for each.
    fields: Option<std::collections::BTreeMap<String, String>>,
}

/// What is wrong with a request, under `/v1`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the door writes")]
struct OpenAiError {
    error: OpenAiErrorBody,
}

/// The envelope that OpenAI's clients know.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the door writes")]
struct OpenAiErrorBody {
    message: String,
    r#type: String,
    param: Option<String>,
    code: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fachwerk",
        description = "Conventions, known oddities and the OpenAI compatibility table: docs/api-design.md."
    ),
    components(schemas(ProblemSchema, OpenAiError, OpenAiErrorBody))
)]
struct Frame;

/// The description before any route is in it.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    let mut frame = Frame::openapi();
    // The file is compared byte by byte: only what the interface promises may change it.
    frame.info.version = "1".to_owned();
    frame.info.license = None;
    frame
}

/// The description of the interface, as it is committed and served.
#[must_use]
pub fn api_description() -> String {
    let (_, description) = super::all().split_for_parts();
    let mut description = serde_json::to_value(description).expect("a description is plain data");
    description["security"] = json!([{"session": []}, {"key": []}]);
    description["components"]["securitySchemes"] = json!({
        "session": {"type": "apiKey", "in": "cookie", "name": crate::door::cookie::SESSION},
        "key": {"type": "http", "scheme": "bearer"},
    });
    // The shapes of a run's events are told apart by their names; by themselves several may fit.
    let events = &mut description["components"]["schemas"]["RunEventBody"];
    if let Some(shapes) = events.as_object_mut().and_then(|event| event.remove("oneOf")) {
        events["anyOf"] = shapes;
    }
    let bodies: Value = serde_json::from_str(MODEL_BODIES).expect("the file is JSON");
    for (name, schema) in bodies["schemas"].as_object().into_iter().flatten() {
        description["components"]["schemas"][name] = schema.clone();
    }
    let paths = description["paths"].as_object_mut().expect("a description has paths");
    for (path, operations) in paths {
        for operation in operations.as_object_mut().expect("a path has operations").values_mut() {
            operation["responses"]["default"] = refusal(path);
            let id = operation["operationId"].as_str().unwrap_or_default();
            let body = bodies["operations"].get(id);
            if let Some(body) = body {
                describe_bodies(body, operation);
            }
            describe_events(operation);
        }
    }
    let mut text =
        serde_json::to_string_pretty(&description).expect("a JSON value is written without fail");
    text.push('\n');
    text
}

/// Puts the bodies of an operation under `/v1` in.
fn describe_bodies(body: &Value, operation: &mut Value) {
    let json = |name: &Value| json!({"schema": reference(name.as_str().unwrap_or_default())});
    if let Some(name) = body.get("request") {
        operation["requestBody"]["content"]["application/json"] = json(name);
    }
    if let Some(name) = body.get("response") {
        operation["responses"]["200"]["content"]["application/json"] = json(name);
    }
    for kind in body["texts"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        operation["responses"]["200"]["content"][kind] = json!({"schema": {"type": "string"}});
    }
    if body["streams"] == true {
        operation["responses"]["200"]["content"]["text/event-stream"] = json!({});
    }
}

/// An event stream is described by one of its events (as OpenAPI 3.2 has it for `itemSchema`): what
/// a route names as the body is the JSON text in its `data`. Comments between events say nothing.
fn describe_events(operation: &mut Value) {
    let Some(stream) = operation.pointer_mut("/responses/200/content/text~1event-stream") else {
        return;
    };
    let mut data = json!({"type": "string"});
    if let Some(schema) = stream.get("schema") {
        data["contentMediaType"] = "application/json".into();
        data["contentSchema"] = schema.clone();
    }
    stream["schema"] = json!({
        "type": "object", "required": ["data"],
        "properties": {"event": {"type": "string"}, "data": data},
    });
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn refusal(path: &str) -> Value {
    let (kind, name) = if is_anthropic(path) {
        ("application/json", "AnthropicError")
    } else if is_openai(path) {
        ("application/json", "OpenAiError")
    } else {
        ("application/problem+json", "Problem")
    };
    json!({"description": "Refused, with the reason.", "content": {kind: {"schema": reference(name)}}})
}
