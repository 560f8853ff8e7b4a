//! The description of the interface (OpenAPI 3.1): what is true of every operation is said once,
//! here.

use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::door::problem::is_openai;

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
    let paths = description["paths"].as_object_mut().expect("a description has paths");
    for (path, operations) in paths {
        for operation in operations.as_object_mut().expect("a path has operations").values_mut() {
            operation["responses"]["default"] = refusal(path);
        }
    }
    let mut text =
        serde_json::to_string_pretty(&description).expect("a JSON value is written without fail");
    text.push('\n');
    text
}

fn refusal(path: &str) -> Value {
    let (kind, name) = if is_openai(path) {
        ("application/json", "OpenAiError")
    } else {
        ("application/problem+json", "Problem")
    };
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    json!({"description": "Refused, with the reason.", "content": {kind: {"schema": schema}}})
}
