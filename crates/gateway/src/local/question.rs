//! A chat request as a model in a file understands it.

use infer::{
    Speaker,
    local::{Asked, Sampling, Turn},
};
use llm::{ChatRequest, Delivery, Dialect, Message, RequestError, Role, TextModel};
use serde_json::Value;

/// Most texts at which an answer stops, and the longest in bytes; beyond: refused.
const STOPS_MAX: usize = 16;
const STOP_BYTES_MAX: usize = 1_024;

/// What the model needs of a request.
#[derive(Debug)]
pub(super) struct Question {
    pub turns: Vec<Turn>,
    pub asked: Asked,
}

impl Question {
    /// Reads a request. What cannot be done is refused by name, never dropped silently.
    pub fn of(request: &ChatRequest) -> Result<Self, RequestError> {
        TextModel::Local.check(request)?;
        // Sources become a message in the same words as for a model server.
        let call = Dialect::Compatible.chat_call(request, "local", Delivery::Whole)?;
        let grounded = ChatRequest::parse(&call.body())?;
        let asked = Asked {
            sampling: sampling(request)?,
            stops: stops(request)?,
            tokens_max: request.max_tokens().and_then(|most| usize::try_from(most).ok()),
        };
        Ok(Self { turns: grounded.messages().iter().map(turn).collect(), asked })
    }
}

fn turn(message: &Message) -> Turn {
    let speaker = match message.role() {
        Role::System | Role::Developer => Speaker::System,
        Role::User => Speaker::User,
        // No result of a tool comes so far.
        Role::Assistant | Role::Tool => Speaker::Assistant,
    };
    Turn { speaker, text: message.text().into_owned() }
}

fn sampling(request: &ChatRequest) -> Result<Sampling, RequestError> {
    let usual = Sampling::default();
    let number = |name, least, most, usual| number(request, name, (least, most), usual);
    let seed = request
        .field("seed")
        .and_then(|seed| seed.as_u64().or_else(|| seed.as_i64().map(i64::cast_unsigned)));
    let top_k = number("top_k", -1.0, 1e6, 0.0)?;
    Ok(Sampling {
        temperature: number("temperature", 0.0, 10.0, usual.temperature)?,
        top_p: number("top_p", 0.0, 1.0, usual.top_p)?,
        top_k: if top_k > 0.0 { top_k as usize } else { 0 },
        min_p: number("min_p", 0.0, 1.0, usual.min_p)?,
        repetition_penalty: number("repetition_penalty", 0.01, 10.0, usual.repetition_penalty)?,
        frequency_penalty: number("frequency_penalty", -2.0, 2.0, usual.frequency_penalty)?,
        presence_penalty: number("presence_penalty", -2.0, 2.0, usual.presence_penalty)?,
        seed: seed.unwrap_or_else(rand::random),
    })
}

fn number(
    request: &ChatRequest,
    name: &str,
    (least, most): (f32, f32),
    usual: f32,
) -> Result<f32, RequestError> {
    let Some(value) = request.field(name) else { return Ok(usual) };
    let number = value.as_f64().map(|number| number as f32);
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        RequestError::invalid_value(name, &format!("must be a number from {least} to {most}"))
    })
}

fn stops(request: &ChatRequest) -> Result<Vec<String>, RequestError> {
    let wrong = || {
        let text = format!("must be at most {STOPS_MAX} texts of at most {STOP_BYTES_MAX} bytes");
        RequestError::invalid_value("stop", &text)
    };
    let values = match request.field("stop") {
        None => return Ok(Vec::new()),
        Some(Value::Array(values)) => values.clone(),
        Some(value) => vec![value.clone()],
    };
    let fits = |text: &str| text.len() <= STOP_BYTES_MAX;
    let text = |value: &Value| value.as_str().filter(|text| fits(text)).map(str::to_owned);
    let stops: Option<Vec<String>> = values.iter().map(text).collect();
    stops.filter(|stops| stops.len() <= STOPS_MAX).ok_or_else(wrong)
}
