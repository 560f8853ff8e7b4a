//! Clients that speak Anthropic: what their requests mean, and what is refused.

use llm::{ChatRequest, Delivery, Dialect, messages};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<ChatRequest, llm::RequestError> {
    messages::parse(body.to_string().as_bytes())
}

fn sent(request: &ChatRequest, dialect: Dialect) -> Value {
    let call = dialect.chat_call(request, "claude-sonnet-4-5", Delivery::Whole).unwrap();
    serde_json::from_slice(&call.body()).unwrap()
}

/// A request with everything that has a counterpart.
pub(crate) fn rich() -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "system": [{"type": "text", "text": "Antworte kurz.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "image", "source": {"type": "url", "url": "https://amt.example/plan.png"}},
                {"type": "document", "title": "antrag.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="}},
                {"type": "text", "text": "Wie wird das Wetter?", "cache_control": {"type": "ephemeral"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Ich frage nach.", "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "EmwK"},
                {"type": "text", "text": "Ich sehe nach."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bonn"}},
                {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "Köln"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 °C"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true, "content": [
                    {"type": "text", "text": "nicht erreichbar"},
                    {"type": "image", "source": {"type": "url", "url": "https://amt.example/fehler.png"}},
                ]},
                {"type": "text", "text": "Noch einmal."},
            ]},
        ],
        "max_tokens": 20000,
        "thinking": {"type": "enabled", "budget_tokens": 10000},
        "temperature": 1.0,
        "top_p": 0.95,
        "top_k": 40,
        "stop_sequences": ["ENDE"],
        "stream": false,
        "metadata": {"user_id": "u-17"},
        "tools": [{"name": "weather", "description": "Das Wetter.", "strict": true, "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    })
}

#[test]
fn a_request_comes_out_at_anthropic_as_it_came_in() {
    let sent = sent(&parse(&rich()).unwrap(), Dialect::Anthropic);
    let mut expected = rich();
    expected.as_object_mut().unwrap().shift_remove("stream");
    assert_eq!(sent, expected);
}

#[test]
fn a_request_means_the_same_to_a_server_that_speaks_openai() {
    let request = parse(&rich()).unwrap();
    insta::assert_json_snapshot!("to_openai", sent(&request, Dialect::Vllm));
    let refused = Dialect::OpenAi.chat_call(&request, "m", Delivery::Whole).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("top_k"));
    assert!(!request.stream());
}

#[test]
fn a_stream_reports_its_usage() {
    let mut body = rich();
    body["stream"] = true.into();
    let request = parse(&body).unwrap();
    assert!(request.stream() && request.include_usage());
}

#[test]
fn counting_needs_no_limit() {
    let mut body = rich();
    body.as_object_mut().unwrap().shift_remove("max_tokens");
    assert!(messages::parse_count_tokens(body.to_string().as_bytes()).is_ok());
    assert_eq!(parse(&body).unwrap_err().param.as_deref(), Some("max_tokens"));
    assert_eq!(messages::token_count(7), json!({"input_tokens": 7}));
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let block = |block: Value| json!([{"role": "user", "content": [block]}]);
    let cases = [
        json!({"container": "c"}),
        json!({"mcp_servers": [{}]}),
        json!({"context_management": {"edits": []}}),
        json!({"stopp": []}),
        json!({"stop_sequences": "ENDE"}),
        json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        json!({"tools": [{"name": "f", "allowed_callers": ["x"]}]}),
        json!({"tools": [{"input_schema": {}}]}),
        json!({"tool_choice": {"type": "some"}}),
        json!({"thinking": "yes"}),
        json!({"output_config": {"task_budget": {"total": 4}}}),
        json!({"system": 7}),
        json!({"system": [{"type": "image"}]}),
        json!({"messages": []}),
        json!({"messages": [7]}),
        json!({"messages": [{"role": "system", "content": "x"}]}),
        json!({"messages": [{"role": "user", "content": "x", "name": "a"}]}),
        json!({"messages": [{"role": "user", "content": 7}]}),
        json!({"messages": block(json!({"type": "image", "source": {"type": "file", "file_id": "f"}}))}),
        json!({"messages": block(json!({"type": "document", "citations": {"enabled": true}, "source": {"type": "text", "data": "x"}}))}),
        json!({"messages": block(json!({"type": "search_result"}))}),
        json!({"messages": block(json!({"type": "tool_result"}))}),
        json!({"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]}),
        json!({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": 7}]}]}),
    ];
    let mut lines = Vec::new();
    for case in cases {
        let mut body = json!({
            "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hallo"}],
        });
        for (name, value) in case.as_object().unwrap() {
            body[name] = value.clone();
        }
        lines.push(parse(&body).unwrap_err().to_string());
    }
    insta::assert_snapshot!("refusals", lines.join("\n"));
}

#[test]
fn errors_look_like_anthropics() {
    let body = messages::error(domain::ErrorKind::RateLimited, "Too many requests.");
    let expected = json!({
        "type": "error", "error": {"type": "rate_limit_error", "message": "Too many requests."},
    });
    assert_eq!(body, expected);
    assert!(messages::error_event(domain::ErrorKind::Internal, "x").starts_with("event: error\n"));
}

/// Requests in the neutral form that Anthropic can express.
fn neutral() -> impl Strategy<Value = Value> {
    let text = "[a-zäß \\n\"\\\\]{1,12}";
    let part = prop_oneof![
        text.prop_map(|text| json!({"type": "text", "text": text})),
        Just(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,aQ=="}})),
        Just(json!({"type": "image_url", "image_url": {"url": "https://a.example/b"}})),
        text.prop_map(|name| json!({"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,aQ=="}})),
    ];
    let content = prop_oneof![
        text.prop_map(Value::String),
        prop::collection::vec(part, 1..4).prop_map(Value::Array),
    ];
    let call = (text, text).prop_map(|(id, city)| {
        let arguments = json!({"city": city}).to_string();
        json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}})
    });
    let message = prop_oneof![
        content.clone().prop_map(|content| json!({"role": "user", "content": content})),
        text.prop_map(|content| json!({"role": "system", "content": content})),
        (text, prop::collection::vec(call, 1..3)).prop_map(
            |(text, calls)| json!({"role": "assistant", "content": text, "tool_calls": calls})
        ),
        (text, content).prop_map(
            |(id, content)| json!({"role": "tool", "tool_call_id": id, "content": content})
        ),
    ];
    let choice = prop_oneof![
        Just(json!("auto")),
        Just(json!("required")),
        Just(json!({"type": "function", "function": {"name": "f"}})),
    ];
    (prop::collection::vec(message, 1..6), choice, any::<bool>(), 1..9_000_u32).prop_map(
        |(messages, choice, parallel, tokens)| {
            // The model never speaks twice in a row: Anthropic would join both into one turn.
            let is_model = |message: &Value| message["role"] == "assistant";
            let mut messages: Vec<Value> = messages.into_iter().fold(Vec::new(), |mut all, one| {
                if is_model(&one) && all.iter().rev().find(|m| m["role"] != "system").is_some_and(is_model) {
                    all.push(json!({"role": "user", "content": "Ja?"}));
                }
                all.push(one);
                all
            });
            messages.push(json!({"role": "user", "content": "Und?"}));
            json!({
                "model": "m", "messages": messages, "max_tokens": tokens, "tool_choice": choice,
                "parallel_tool_calls": parallel, "stop": ["x"], "user": "u",
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            })
        },
    )
}

proptest! {
    #[test]
    fn out_to_anthropic_and_in_again_means_the_same(body in neutral()) {
        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
        let once = sent(&request, Dialect::Anthropic);
        let again = sent(&parse(&once).unwrap(), Dialect::Anthropic);
        prop_assert_eq!(once, again);
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = messages::parse(&body);
    }

    #[test]
    fn no_field_makes_it_panic(
        at in 0_usize..400,
        value in prop_oneof![Just("null"), Just("7"), Just("\"x\""), Just("[]"), Just("{}"), Just("[{}]")],
    ) {
        // Replaces one value somewhere in a rich request, then asks for every dialect.
        let mut body = rich();
        let mut left = at;
        replace(&mut body, &mut left, &serde_json::from_str(value).unwrap());
        if let Ok(request) = parse(&body) {
            for dialect in Dialect::ALL {
                let _ = dialect.chat_call(&request, "m", Delivery::Streamed);
            }
        }
    }
}

/// Replaces the `left`th value, counted depth first.
fn replace(value: &mut Value, left: &mut usize, with: &Value) {
    match left.checked_sub(1) {
        None => {
            *value = with.clone();
            *left = usize::MAX;
        }
        Some(less) if *left != usize::MAX => {
            *left = less;
            match value {
                Value::Array(items) => items.iter_mut().for_each(|item| replace(item, left, with)),
                Value::Object(fields) => {
                    fields.values_mut().for_each(|field| replace(field, left, with));
                }
                _ => {}
            }
        }
        Some(_) => {}
    }
}
