//! Vectors: what clients may ask, what each kind of server gets, and what its answer becomes.

use llm::{
    Dialect, Usage,
    embeddings::{DIMENSIONS_MAX, EmbeddingRequest, EmbeddingResponse, Encoding, INPUTS_MAX},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<EmbeddingRequest, llm::RequestError> {
    EmbeddingRequest::parse(body.to_string().as_bytes())
}

fn read(dialect: Dialect, body: &Value) -> EmbeddingResponse {
    dialect.embedding_response(body.to_string().as_bytes()).unwrap()
}

#[test]
fn every_server_gets_its_own_words() {
    let request = parse(&json!({
        "model": "standard", "input": ["Bescheid", "Vermerk"], "dimensions": 256,
        "encoding_format": "float", "user": "u-17", "fachwerk": {"data_class": "open"},
    }))
    .unwrap();
    assert!(request.extension().is_some());
    let mut text = String::new();
    for (dialect, model) in [
        (Dialect::Compatible, "bge-m3"),
        (Dialect::Mistral, "codestral-embed"),
        (Dialect::Tei, "bge-m3"),
        (Dialect::Gemini, "gemini-embedding-001"),
        (Dialect::Vertex, "text-multilingual-embedding-002"),
        (Dialect::Bedrock, "cohere.embed-v4:0"),
        (Dialect::Bedrock, "cohere.embed-multilingual-v3"),
        (Dialect::Bedrock, "amazon.titan-embed-text-v2:0"),
        (Dialect::Ollama, "bge-m3"),
        (Dialect::Anthropic, "claude"),
    ] {
        // Titan takes one text at a time; the first piece stands for both.
        let max = dialect.embedding_batch_max(model);
        let sent = match dialect.embedding_call(&request.split(max)[0], model) {
            Ok(call) => format!("{} {}", call.path, String::from_utf8(call.body()).unwrap()),
            Err(error) => error.to_string(),
        };
        text += &format!("{dialect}: {sent}\n");
    }
    insta::assert_snapshot!("calls", text);
}

#[test]
fn every_answer_becomes_openais() {
    let vectors = json!([[0.5, -1.0], [0.25, 2.0]]);
    let answers = [
        (
            Dialect::Compatible,
            json!({"object": "list", "model": "m", "data": [
                {"object": "embedding", "index": 0, "embedding": vectors[0]},
                {"object": "embedding", "index": 1, "embedding": vectors[1]},
            ], "usage": {"prompt_tokens": 8, "total_tokens": 8}}),
        ),
        (
            Dialect::Gemini,
            json!({"embeddings": [{"values": vectors[0]}, {"values": vectors[1]}], "usageMetadata": {"promptTokenCount": 8}}),
        ),
        (
            Dialect::Vertex,
            json!({"predictions": [
                {"embeddings": {"values": vectors[0], "statistics": {"token_count": 5, "truncated": false}}},
                {"embeddings": {"values": vectors[1], "statistics": {"token_count": 3, "truncated": false}}},
            ]}),
        ),
        (Dialect::Ollama, json!({"model": "m", "embeddings": vectors, "prompt_eval_count": 8})),
    ];
    for (dialect, answer) in answers {
        let answer = read(dialect, &answer);
        assert_eq!(answer.vectors().unwrap(), [[0.5, -1.0], [0.25, 2.0]], "{dialect}");
        let usage = Usage { prompt_tokens: 8, completion_tokens: 0 };
        assert_eq!(answer.usage(), Some(usage), "{dialect}");
    }
    let cohere = json!({"embeddings": {"float": vectors}, "response_type": "embeddings_by_type"});
    assert_eq!(read(Dialect::Bedrock, &cohere).count(), 2);
    assert_eq!(read(Dialect::Bedrock, &json!({ "embeddings": vectors })).count(), 2);
    let titan = json!({"embedding": vectors[0], "inputTextTokenCount": 5});
    assert_eq!(read(Dialect::Bedrock, &titan).usage().unwrap().prompt_tokens, 5);
}

#[test]
fn pieces_are_put_together_in_order() {
    let request = EmbeddingRequest::new("m", ["a", "b", "c"].map(str::to_owned));
    let pieces = request.split(2);
    let texts: Vec<Vec<&str>> = pieces.iter().map(|piece| piece.texts().collect()).collect();
    assert_eq!(texts, [vec!["a", "b"], vec!["c"]]);
    let titan = |number: f32| {
        read(Dialect::Bedrock, &json!({"embedding": [number], "inputTextTokenCount": 2}))
    };
    let answer = EmbeddingResponse::joined(vec![titan(1.0), titan(2.0), titan(3.0)]).unwrap();
    assert_eq!(answer.vectors().unwrap(), [[1.0], [2.0], [3.0]]);
    assert_eq!(answer.usage().unwrap().prompt_tokens, 6);
    assert!(answer.to_json(Encoding::Float).unwrap().contains(r#""index":2"#));
    assert!(EmbeddingResponse::joined(Vec::new()).is_err());
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let cases = [
        json!({}),
        json!({"input": 7}),
        json!({"input": []}),
        json!({"input": ["a", 7]}),
        json!({"input": [["a"]]}),
        json!({"input": vec!["a"; INPUTS_MAX + 1]}),
        json!({"input": "a", "encoding_format": "hex"}),
        json!({"input": "a", "stream": true}),
        json!({"input": "a", "dimensions": 0}),
        json!({"input": "a", "dimensions": DIMENSIONS_MAX + 1}),
    ];
    let lines: Vec<String> = cases
        .into_iter()
        .map(|mut body| {
            body["model"] = "m".into();
            parse(&body).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!("refusals", lines.join("\n"));
}

#[test]
fn tokens_go_only_to_servers_that_speak_openai() {
    for input in [json!([1, 2, 3]), json!([[1, 2], [3]])] {
        let request = parse(&json!({"model": "m", "input": input})).unwrap();
        assert!(Dialect::Vllm.embedding_call(&request, "m").is_ok());
        let refusal = Dialect::Ollama.embedding_call(&request, "m").unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some("input[0]"));
    }
}

#[test]
fn answers_that_are_none_are_not_believed() {
    for dialect in Dialect::ALL {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"data": [{}]}"#,
            r#"{"embeddings": [7]}"#,
            r#"{"data": [{"embedding": 7}]}"#,
        ] {
            assert!(dialect.embedding_response(body.as_bytes()).is_err(), "{dialect} {body}");
        }
    }
    let broken = json!({"data": [{"embedding": "abc"}]});
    assert!(read(Dialect::Vllm, &broken).vectors().is_err());
}

proptest! {
    #[test]
    fn base64_says_the_same_as_numbers(vector in prop::collection::vec(-1e6_f32..1e6, 0..40)) {
        let floats = read(Dialect::Vllm, &json!({"data": [{"index": 0, "embedding": vector}]}));
        let base64 = floats.to_json(Encoding::Base64).unwrap();
        let again = Dialect::Vllm.embedding_response(base64.as_bytes()).unwrap();
        prop_assert_eq!(again.vectors().unwrap(), vec![vector]);
        prop_assert_eq!(again.to_json(Encoding::Base64).unwrap(), base64);
        prop_assert!(again.to_json(Encoding::Float).unwrap().contains('['));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = EmbeddingRequest::parse(&body);
        for dialect in Dialect::ALL {
            let _ = dialect.embedding_response(&body);
        }
    }
}
