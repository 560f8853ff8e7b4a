//! What a fake says that is asked for something else than a chat: made from the request alone.

use serde_json::{Value, json};

/// The type and the bytes of an answer; `None` if a chat was asked for.
pub(super) fn answer(path: &str, request: &Value) -> Option<(&'static str, Vec<u8>)> {
    let model = &request["model"];
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3});
    let body = match path.rsplit_once("/v1/")?.1 {
        "embeddings" => {
            let data = lengths(&request["input"]).into_iter().enumerate().map(|(index, length)| {
                let vector = [length as f64, 0.5];
                json!({"object": "embedding", "index": index, "embedding": vector})
            });
            json!({"object": "list", "model": model, "data": data.collect::<Vec<_>>(),
                "usage": usage})
        }
        "rerank" => {
            let results = texts(&request["documents"]).into_iter().enumerate().map(
                |(index, _)| json!({"index": index, "relevance_score": 1.0 / (index + 1) as f64}),
            );
            json!({"id": "rerank-fake", "model": model, "results": results.collect::<Vec<_>>(),
                "usage": {"total_tokens": 3}})
        }
        "completions" => {
            let choice = json!({"index": 0, "text": request["prompt"], "logprobs": null,
                "finish_reason": "stop"});
            let body = json!({"id": "cmpl-fake", "object": "text_completion", "created": 1,
                "model": model, "choices": [choice], "usage": usage});
            if request["stream"] == true {
                let text = format!("data: {body}\n\ndata: [DONE]\n\n");
                return Some(("text/event-stream", text.into_bytes()));
            }
            body
        }
        "moderations" => {
            let mut texts = texts(&request["input"]);
            texts.resize(texts.len().max(1), "");
            let flagged = texts.iter().map(|text| text.contains("VERBOTEN"));
            let results: Vec<Value> = flagged.map(|flagged| json!({"flagged": flagged})).collect();
            json!({"id": "modr-fake", "model": model, "results": results})
        }
        "images/generations" if request["stream"] == true => {
            return Some(events(&[
                &json!({"type": "image_generation.partial_image", "b64_json": "aA==",
                "created_at": 1, "partial_image_index": 0}),
                &json!({"type": "image_generation.completed", "b64_json": "aGk=", "created_at": 1,
                "usage": {"input_tokens": 50, "output_tokens": 40, "total_tokens": 90}}),
            ]));
        }
        "images/generations" => json!({"created": 1, "data": [{"b64_json": "aGk="}]}),
        "audio/transcriptions" | "audio/translations" => {
            let usage = json!({"type": "tokens", "input_tokens": 14, "output_tokens": 3,
                "total_tokens": 17});
            json!({"text": "Guten Tag.", "usage": usage})
        }
        "audio/speech" if request["stream_format"] == "sse" => {
            return Some(events(&[
                &json!({"type": "speech.audio.delta", "audio": "SUQz"}),
                &json!({"type": "speech.audio.done",
                "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}),
            ]));
        }
        "audio/speech" => return Some(("audio/mpeg", b"ID3 sound".to_vec())),
        _ => return None,
    };
    Some(("application/json", body.to_string().into_bytes()))
}

/// Events that say their own type, as OpenAI sends them.
fn events(events: &[&Value]) -> (&'static str, Vec<u8>) {
    let text: String = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect();
    ("text/event-stream", text.into_bytes())
}

/// The length of each input: bytes of a text, or tokens.
fn lengths(input: &Value) -> Vec<usize> {
    let length = |item: &Value| item.as_str().map(str::len).or(item.as_array().map(Vec::len));
    match input {
        Value::Array(tokens) if tokens.iter().all(Value::is_number) => vec![tokens.len()],
        Value::Array(items) => items.iter().filter_map(length).collect(),
        text => length(text).into_iter().collect(),
    }
}

/// A text alone or a list of them.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}
