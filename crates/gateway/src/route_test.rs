//! A call of one route alone, to see whether it works.

use domain::DataClass;
use llm::{
    ChatRequest, Operation, OperationRequest, RequestError, embeddings::EmbeddingRequest,
    rerank::RerankRequest,
};
use serde_json::json;

use crate::{
    Catalogue, Gateway, GatewayError, Hedging, Model, Offer, PlanError, QueueLimits, Route,
    RouteCare, Settings, Terms, UsageMeter,
};

/// What is asked; nobody's data.
const QUESTION: &str = "Antworte nur mit dem Wort: ja";
/// Tokens of the answer.
const ANSWER_TOKENS: u32 = 16;

impl Gateway {
    /// Asks one route of a model for next to nothing: once, whether it is drained, full or left alone
    /// or not, and nobody else if it fails. What it brings says nothing about the route to others.
    ///
    /// # Errors
    /// If there is no such route, it is there for nothing that can be tried for next to nothing, the
    /// terms rule it out, or it fails.
    pub async fn test_route(
        &self,
        model: &str,
        route: &str,
        terms: Terms,
        meter: &UsageMeter,
    ) -> Result<(), GatewayError> {
        let catalogue = self.catalogue();
        let found = catalogue.model(model).and_then(|model| {
            let route = model.routes.iter().find(|other| other.name == route)?;
            Some((model, route.clone()))
        });
        let unknown = || GatewayError::Plan(PlanError::UnknownModel { model: model.to_owned() });
        let (known, route) = found.ok_or_else(unknown)?;
        let offers = route.offers;
        let terms = Terms { class: DataClass::Open, explain: false, ..terms };
        let alone = self.with_only(known, route, unknown)?;
        let refused = |error: RequestError| GatewayError::Unsupported(error);
        if offers.has(Offer::Chat) {
            let body = json!({
                "model": model,
                "messages": [{"role": "user", "content": QUESTION}],
                "max_tokens": ANSWER_TOKENS,
            });
            let request = ChatRequest::parse(body.to_string().as_bytes()).map_err(refused)?;
            alone.complete(&request, terms, meter).await.map(drop)
        } else if offers.has(Offer::Embeddings) {
            let body = json!({"model": model, "input": QUESTION}).to_string();
            let request = EmbeddingRequest::parse(body.as_bytes()).map_err(refused)?;
            alone.embed(&request, terms, meter).await.map(drop)
        } else if offers.has(Offer::Rerank) {
            let body = json!({"model": model, "query": QUESTION, "documents": ["ja", "nein"]});
            let request = RerankRequest::parse(body.to_string().as_bytes()).map_err(refused)?;
            alone.rerank(&request, terms, meter).await.map(drop)
        } else if offers.has(Offer::Completions) || offers.has(Offer::Moderations) {
            let (operation, body) = if offers.has(Offer::Completions) {
                let body = json!({"model": model, "prompt": QUESTION, "max_tokens": ANSWER_TOKENS});
                (Operation::Completion, body)
            } else {
                (Operation::Moderation, json!({"model": model, "input": QUESTION}))
            };
            let body = body.to_string();
            let request = OperationRequest::parse(operation, body.as_bytes(), None);
            alone.operate(&request.map_err(refused)?, terms, meter).await.map(drop)
        } else {
            // Pictures and sounds cost by the piece.
            Err(refused(RequestError::unsupported("route", "cannot be tried for next to nothing")))
        }
    }

    /// A gateway that knows nothing but this route, and tries it once.
    fn with_only(
        &self,
        model: &Model,
        route: Route,
        unknown: impl Fn() -> GatewayError,
    ) -> Result<Self, GatewayError> {
        let care = RouteCare { attempts: Some(1), ..route.care };
        let route = Route { drained: false, care, ..route };
        let (queue, hedging) = (QueueLimits::NONE, Hedging::Off);
        let model = Model { routes: vec![route], queue, hedging, ..model.clone() };
        let catalogue = Catalogue::new(vec![model]).map_err(|_| unknown())?;
        let settings = Settings { attempts_per_route: 1, ..self.settings() };
        Ok(Self::new(self.client(), catalogue, settings))
    }
}
