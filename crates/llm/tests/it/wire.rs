//! Writes recorded events the way each kind of server frames them.

use llm::Dialect;
use serde_json::Value;

/// The name of the wire format under a dialect, as the fixtures use it.
pub(crate) fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "anthropic",
        _ => "openai",
    }
}

/// The bytes of a stream.
pub(crate) fn encode(wire: &str, events: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        let text = match wire {
            "anthropic" => format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()),
            _ => format!("data: {event}\n\n"),
        };
        bytes.extend(text.into_bytes());
    }
    if wire == "openai" {
        bytes.extend(b"data: [DONE]\n\n");
    }
    bytes
}
