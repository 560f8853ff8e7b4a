//! Writes recorded events the way each kind of server frames them.

use llm::Dialect;
use serde_json::Value;

/// The name of the wire format under a dialect, as the fixtures use it.
pub(crate) fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini | Dialect::Vertex => "gemini",
        Dialect::Bedrock => "bedrock",
        Dialect::Ollama => "ollama",
        Dialect::Tei => "none",
        _ => "openai",
    }
}

/// The bytes of a stream.
pub(crate) fn encode(wire: &str, events: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        let text = match wire {
            "bedrock" => {
                let (name, payload) = event.as_object().unwrap().iter().next().unwrap();
                bytes.extend(frame(name, payload.to_string().as_bytes()));
                continue;
            }
            "ollama" => format!("{event}\n"),
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

/// One frame of an AWS event stream; a name with `exception:` before it is one.
pub(crate) fn frame(name: &str, payload: &[u8]) -> Vec<u8> {
    let (kind, name) = match name.strip_prefix("exception:") {
        Some(name) => ("exception", name),
        None => ("event", name),
    };
    let mut headers = Vec::new();
    let texts = [
        (format!(":{kind}-type"), name),
        (":content-type".to_owned(), "application/json"),
        (":message-type".to_owned(), kind),
    ];
    for (header, value) in texts {
        headers.push(u8::try_from(header.len()).unwrap());
        headers.extend(header.as_bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.as_bytes());
    }
    frame_of(&headers, payload)
}

/// One frame with headers as they are.
pub(crate) fn frame_of(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut frame = total.to_be_bytes().to_vec();
    frame.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}
