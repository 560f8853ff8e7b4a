//! The page on compatibility is current, and nothing is ignored that is not named here.

use std::{fs, path::PathBuf};

use llm::{
    ChatRequest, Delivery, Dialect,
    compatibility::{self, Outcome},
};
use serde_json::{Value, json};

#[test]
#[expect(clippy::disallowed_methods, reason = "who wants the page written anew says so")]
fn generated_compatibility_page_is_current() {
    const NAME: &str = "docs/operate/compatibility.md";
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(NAME);
    let expected = compatibility::page();
    if fs::read_to_string(&path).unwrap_or_default() == expected {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    panic!("{NAME} is out of date: run UPDATE_EXPECT=1 cargo test -p llm generated");
}

/// What may get lost on the way, because an answer is the same without.
const HARMLESS: [&str; 21] = [
    // A label for people who read the request.
    "`response_format.json_schema.name`",
    // The answer is put into the form that was asked for.
    "`encoding_format`",
    "`top_n`",
    "`return_documents`",
    "`user`",
    "`metadata`",
    "`store: true`",
    "`service_tier`",
    "`prompt_cache_key`",
    "`prompt_cache_retention`",
    "`prompt_cache_options`",
    "`safety_identifier`",
    "`messages`: `name`",
    "`messages`: `image_url.detail`",
    "`messages`: `cache_control`",
    // Thoughts go back only to the server that can check their seal.
    "`messages`: `reasoning_content`",
    "`messages`: sealed `thinking_blocks`",
    // A model that is given no tools calls none.
    "`tool_choice: auto`",
    // How reasoning is summed up is the server's own affair; ours is never encrypted.
    "`reasoning.summary`",
    "`include`: encrypted reasoning",
    "`messages`: instructions (`developer`)",
];

/// How much the answers of a language model shall vary.
const VARIES: [&str; 8] = [
    "`temperature`",
    "`top_p`",
    "`top_k`",
    "`min_p`",
    "`frequency_penalty`",
    "`presence_penalty`",
    "`repetition_penalty`",
    "`seed`",
];

#[test]
fn only_hints_are_ignored() {
    for table in compatibility::tables() {
        for (field, outcomes) in &table.rows {
            assert_eq!(outcomes.len(), table.columns.len());
            let columns = table.columns.iter().zip(outcomes);
            // A quote does not vary, whatever is asked for.
            let quotes = |name: &str| name.starts_with("built-in") && VARIES.contains(field);
            let mut ignored = columns.filter(|(_, outcome)| **outcome == Outcome::Ignored);
            if ignored.any(|(name, _)| !quotes(name)) {
                assert!(HARMLESS.contains(field), "{field} is ignored ({})", table.title);
            }
        }
    }
}

/// Every field of OpenAI's chat beside the model, the messages and the stream, with a value that asks for
/// something.
fn fields() -> Vec<(&'static str, Value)> {
    let function = json!({"name": "f"});
    vec![
        ("audio", json!({"voice": "a", "format": "wav"})),
        ("frequency_penalty", json!(0.5)),
        ("function_call", function.clone()),
        ("functions", json!([function])),
        ("logit_bias", json!({"5": 1})),
        ("logprobs", json!(true)),
        ("max_completion_tokens", json!(9)),
        ("max_tokens", json!(8)),
        ("metadata", json!({"a": "b"})),
        ("modalities", json!(["text", "audio"])),
        ("moderation", json!({"model": "m"})),
        ("n", json!(2)),
        ("parallel_tool_calls", json!(false)),
        ("prediction", json!({"type": "content", "content": "a"})),
        ("presence_penalty", json!(0.5)),
        ("prompt_cache_key", json!("a")),
        ("prompt_cache_options", json!({"mode": "implicit"})),
        ("prompt_cache_retention", json!("24h")),
        ("reasoning_effort", json!("low")),
        ("response_format", json!({"type": "json_object"})),
        ("safety_identifier", json!("a")),
        ("seed", json!(5)),
        ("service_tier", json!("auto")),
        ("stop", json!(["a"])),
        ("store", json!(true)),
        ("temperature", json!(0.5)),
        ("tool_choice", json!("required")),
        ("tools", json!([{"type": "function", "function": function}])),
        ("top_logprobs", json!(2)),
        ("top_p", json!(0.5)),
        ("user", json!("a")),
        ("verbosity", json!("low")),
        ("web_search_options", json!({})),
        ("unheard_of", json!("a")),
    ]
}

/// What each server gets of a request with these fields, or the field that the refusal names.
fn sent(dialect: Dialect, fields: &[(&str, Value)]) -> Result<Value, String> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "a"}]});
    for (name, value) in fields {
        body[name] = value.clone();
    }
    let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
    let call = dialect.chat_call(&request, "m", Delivery::Whole);
    let call = call.map_err(|refusal| refusal.param.unwrap_or_default())?;
    Ok(serde_json::from_slice(&call.body()).unwrap())
}

/// G-2: alone and beside any other field, a field changes what the server gets, or is refused by its
/// name, or is a hint.
#[test]
fn no_field_is_dropped_silently() {
    let needs = |name: &str| match name {
        "tool_choice" | "parallel_tool_calls" => Some("tools"),
        "top_logprobs" => Some("logprobs"),
        "function_call" => Some("functions"),
        _ => None,
    };
    let all = fields();
    for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Tei) {
        for field in &all {
            for other in &all {
                let base: Vec<_> = all
                    .iter()
                    .filter(|one| needs(field.0) == Some(one.0) || one.0 == other.0)
                    .filter(|one| one.0 != field.0)
                    .cloned()
                    .collect();
                let with: Vec<_> = base.iter().cloned().chain([field.clone()]).collect();
                let at = format!("{} beside {} in {dialect}", field.0, other.0);
                match (sent(dialect, &with), sent(dialect, &base)) {
                    (Err(named), _) => {
                        let known = with
                            .iter()
                            .any(|(name, _)| named.split(['.', '[']).next() == Some(name));
                        assert!(known, "{at}: the refusal names {named:?}");
                    }
                    (Ok(_), Err(named)) => panic!("{at}: {named} alone is refused"),
                    (Ok(with), Ok(without)) if with == without => {
                        let written = [format!("`{}`", field.0), format!("`{}: true`", field.0)];
                        let hint =
                            HARMLESS.iter().any(|hint| written.iter().any(|one| one == hint));
                        // Of two names for one limit the newer holds.
                        let twice = (field.0, other.0) == ("max_tokens", "max_completion_tokens");
                        assert!(hint || twice, "{at}: dropped");
                    }
                    _ => {}
                }
            }
        }
    }
}
