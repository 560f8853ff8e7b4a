//! Reranking: what clients may ask, what each kind of server gets, and what its answer becomes.

use llm::{
    Dialect,
    rerank::{DOCUMENTS_MAX, RerankRequest},
};
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<RerankRequest, llm::RequestError> {
    RerankRequest::parse(body.to_string().as_bytes())
}

fn request() -> RerankRequest {
    parse(&json!({
        "model": "standard", "query": "Kündigungsfrist", "top_n": 2, "return_documents": true,
        "documents": ["Miete", {"text": "Frist"}, "Kaution"],
    }))
    .unwrap()
}

#[test]
fn the_shape_of_cohere_jina_and_vllm_goes_through() {
    let call = Dialect::Vllm.rerank_call(&request(), "bge-reranker").unwrap();
    assert_eq!(call.path, "rerank");
    let body: Value = serde_json::from_slice(&call.body()).unwrap();
    assert_eq!(body["model"], "bge-reranker");
    assert_eq!(body["documents"][1]["text"], "Frist");
    let answer = json!({
        "id": "rerank-1", "model": "bge-reranker", "usage": {"total_tokens": 56},
        "results": [
            {"index": 1, "document": {"text": "Frist"}, "relevance_score": 0.99},
            {"index": 0, "document": {"text": "Miete"}, "relevance_score": 0.1},
        ],
    });
    let mut answer =
        Dialect::Vllm.rerank_response(answer.to_string().as_bytes(), &request()).unwrap();
    assert_eq!(answer.scores(), [(1, 0.99), (0, 0.1)]);
    assert_eq!(answer.usage().unwrap().prompt_tokens, 56);
    answer.set_field("model", "standard".into());
    assert!(answer.to_json().contains(r#""model":"standard""#));
}

#[test]
fn tei_is_asked_and_read_in_its_own_words() {
    let call = Dialect::Tei.rerank_call(&request(), "m").unwrap();
    let body: Value = serde_json::from_slice(&call.body()).unwrap();
    let expected = json!({"query": "Kündigungsfrist", "texts": ["Miete", "Frist", "Kaution"]});
    assert_eq!((call.path.as_str(), body), ("rerank", expected));
    let answer = br#"[{"index":0,"score":0.1},{"index":1,"score":0.9},{"index":2,"score":0.5}]"#;
    let answer = Dialect::Tei.rerank_response(answer, &request()).unwrap();
    let body: Value = serde_json::from_str(&answer.to_json()).unwrap();
    let expected = json!([
        {"index": 1, "relevance_score": 0.9, "document": {"text": "Frist"}},
        {"index": 2, "relevance_score": 0.5, "document": {"text": "Kaution"}},
    ]);
    assert_eq!(body["results"], expected);
    for broken in [&b"[{}]"[..], b"{}", b"", br#"[{"index":9,"score":1}]"#] {
        assert!(Dialect::Tei.rerank_response(broken, &request()).is_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let cases = [
        json!({"documents": ["a"]}),
        json!({"query": 7, "documents": ["a"]}),
        json!({"query": "q"}),
        json!({"query": "q", "documents": []}),
        json!({"query": "q", "documents": "a"}),
        json!({"query": "q", "documents": ["a", {"title": "b"}]}),
        json!({"query": "q", "documents": vec!["a"; DOCUMENTS_MAX + 1]}),
        json!({"query": "q", "documents": ["a"], "stream": true}),
        json!({"query": "q", "documents": ["a"], "top_n": 0}),
        json!({"query": "q", "documents": ["a"], "return_documents": "yes"}),
    ];
    let lines: Vec<String> = cases
        .into_iter()
        .map(|mut body| {
            body["model"] = "m".into();
            parse(&body).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!("refusals", lines.join("\n"));
    let titled =
        json!({"model": "m", "query": "q", "documents": ["a", {"text": "b", "title": "c"}]});
    let titled = parse(&titled).unwrap();
    assert!(Dialect::Vllm.rerank_call(&titled, "m").is_ok());
    let refusal = Dialect::Tei.rerank_call(&titled, "m").unwrap_err();
    assert_eq!(refusal.param.as_deref(), Some("documents[1].title"));
    let refusal = Dialect::Ollama.rerank_call(&request(), "m").unwrap_err();
    insta::assert_snapshot!("ollama", refusal.to_string());
}
