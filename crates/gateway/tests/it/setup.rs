//! Catalogues in a line, and what to do with a stream.

use std::time::Duration;

use domain::{DataClass, Place};
use gateway::{
    Abilities, Catalogue, ChatStream, Gateway, GatewayError, HttpClient, HttpSettings, KeyHeader,
    Model, Offers, QueueLimits, Route, RouteCare, RouteKind, ServerRoute, Settings, Timeouts,
    UsageMeter,
};
use llm::{ChatEvent, ChatRequest, Dialect, Message};
use serde_json::{Value, json};

pub fn client() -> HttpClient {
    HttpClient::new(&HttpSettings::default()).unwrap()
}

pub fn settings() -> Settings {
    Settings {
        attempts_per_route: 3,
        backoff_first: Duration::from_millis(2),
        backoff_max: Duration::from_millis(10),
        retry_after_max: Duration::from_millis(500),
        built_in_concurrent_max: 2,
        seed: Some(7),
        ..Settings::default()
    }
}

pub fn route(name: &str, base_url: &str) -> Route {
    Route {
        name: name.to_owned(),
        kind: RouteKind::Server(ServerRoute {
            dialect: Dialect::Compatible,
            base_url: base_url.parse().unwrap(),
            api_key: None,
            key_header: KeyHeader::OfDialect,
            upstream_model: "upstream-7b".to_owned(),
            query: Vec::new(),
        }),
        rank: 1,
        weight: 1,
        offers: Offers::default(),
        abilities: Abilities::ALL,
        context_tokens: None,
        answer_tokens: None,
        tokenizer: gateway::Tokenizer::default(),
        health_check: None,
        drained: false,
        care: RouteCare::default(),
        place: Place::Own,
        clearance: DataClass::Restricted,
        prices: gateway::Prices::default(),
        energy_mwh: None,
        timeouts: Timeouts {
            first_byte: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            total: Duration::from_secs(20),
        },
        concurrent_max: 100,
    }
}

pub fn built_in(name: &str) -> Route {
    Route { kind: RouteKind::BuiltIn, ..route(name, "http://unused.invalid") }
}

pub fn model(name: &str, routes: Vec<Route>) -> Model {
    Model { queue: QueueLimits::NONE, ..Model::new(name, routes) }
}

/// A gateway with one model, `standard`, and its routes in order.
pub fn gateway(mut routes: Vec<Route>) -> Gateway {
    for (rank, route) in (1..).zip(&mut routes) {
        route.rank = rank;
    }
    let catalogue = Catalogue::new(vec![model("standard", routes)]).unwrap();
    Gateway::new(client(), catalogue, settings())
}

pub fn ask(question: &str) -> ChatRequest {
    ChatRequest::new("standard", vec![Message::user(question)])
}

pub fn request(fields: Value) -> ChatRequest {
    let mut body = json!({"model": "standard", "messages": [{"role": "user", "content": "Hallo"}]});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    ChatRequest::parse(body.to_string().as_bytes()).unwrap()
}

/// What came of a stream.
#[derive(Debug)]
pub struct Heard {
    pub text: String,
    pub events: Vec<ChatEvent>,
    pub error: Option<GatewayError>,
}

pub async fn listen(stream: &mut ChatStream) -> Heard {
    let mut heard = Heard { text: String::new(), events: Vec::new(), error: None };
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if let ChatEvent::Chunk(chunk) = &event {
                    heard.text.push_str(chunk.text());
                }
                heard.events.push(event);
            }
            Err(error) => heard.error = Some(error),
        }
    }
    heard
}

/// Asks and listens to the end.
pub async fn hear(
    gateway: &Gateway,
    request: &ChatRequest,
) -> Result<(Heard, ChatStream), GatewayError> {
    let mut stream = gateway.chat(request, DataClass::Open, &UsageMeter::default()).await?;
    Ok((listen(&mut stream).await, stream))
}
