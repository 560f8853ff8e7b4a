//! A model in a file is an ordinary route.

use std::{path::Path, time::Duration};

use domain::{DataClass, ErrorKind};
use gateway::{
    Catalogue, Failure, Gateway, GatewayError, LocalRoute, Route, RouteKind, UsageMeter,
};
use infer::{
    Speaker,
    local::{Asked, ModelFile, Sampling, Turn},
};
use llm::{ChatEvent, ChatRequest};
use serde_json::json;
use tempfile::TempDir;
use testkit::weights::{Numbers, RandomModel};
use tokio::time::{Instant, sleep, timeout};

use crate::setup::{built_in, gateway, hear, model, request, route};

/// A model that needs a moment for an answer, so that somebody can leave meanwhile.
fn slow() -> RandomModel {
    RandomModel { layers: 8, ..RandomModel::small("llama", Numbers::F32).endless() }
}

fn written(model: &RandomModel) -> (TempDir, Route) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    model.write(&path).unwrap();
    (folder, local(&path, 512, 1))
}

fn local(path: &Path, context_tokens: usize, answers_max: usize) -> Route {
    let path = path.to_owned();
    let local = LocalRoute { path, context_tokens, answers_max, memory_bytes_max: 1_000_000_000 };
    let kind = RouteKind::Local(local);
    let mut route =
        Route { kind, concurrent_max: answers_max, ..route("lokal", "http://unused.invalid") };
    route.timeouts.first_byte = Duration::from_secs(60);
    route
}

fn cold(more: serde_json::Value) -> ChatRequest {
    let mut fields = json!({"temperature": 0, "max_tokens": 12, "stream": true});
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    request(fields)
}

#[tokio::test]
async fn it_says_what_the_model_says_and_counts_real_tokens() {
    let (folder, route) = written(&RandomModel::tiny("llama", Numbers::Q8_0).endless());
    let own = ModelFile::open(&folder.path().join("model.gguf")).unwrap().load(512).unwrap();
    let prompt = own.prompt(&[Turn { speaker: Speaker::User, text: "Hallo".to_owned() }]).unwrap();
    let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    let asked = Asked { sampling, tokens_max: Some(12), ..Asked::default() };
    let mut expected = String::new();
    let made =
        own.answer(&prompt, &asked, &|| false, &mut |piece| expected.push_str(piece)).unwrap();

    let gateway = gateway(vec![route]);
    let (heard, stream) = hear(&gateway, &cold(json!({}))).await.unwrap();
    assert!(heard.error.is_none());
    assert_eq!(heard.text, expected);
    let metered = stream.meter().read();
    assert!(metered.is_finished && !metered.is_estimated);
    assert_eq!(metered.usage.prompt_tokens, prompt.len() as u64);
    assert_eq!(metered.usage.completion_tokens, made.tokens.len() as u64);
    let reasons = heard.events.iter().filter_map(|event| match event {
        ChatEvent::Chunk(chunk) => chunk.finish_reason(),
        ChatEvent::Citation(_) => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), ["length"]);
    // The one place is free again.
    drop(stream);

    let whole =
        gateway.complete(&cold(json!({})), DataClass::Open, &UsageMeter::default()).await.unwrap();
    assert_eq!(whole.response.text(), expected);
    assert_eq!(whole.metered.usage, metered.usage);
}

#[tokio::test]
async fn whoever_leaves_frees_the_place_at_once() {
    let (_folder, route) = written(&slow());
    let gateway = gateway(vec![route]);
    let endless = request(json!({"stream": true, "max_tokens": 400, "seed": 1}));
    let meter = UsageMeter::default();
    let mut stream = gateway.chat(&endless, DataClass::Open, &meter).await.unwrap();
    for _ in 0..3 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    let started = Instant::now();
    // The one place of the file is held until the computation has really ended.
    let short = cold(json!({"max_tokens": 1}));
    let next = timeout(Duration::from_secs(20), hear(&gateway, &short)).await.unwrap();
    assert!(next.is_ok());
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(!meter.read().is_finished);
}

#[tokio::test]
async fn a_deadline_ends_an_answer() {
    let (_folder, mut route) = written(&slow());
    route.timeouts.total = Duration::from_millis(1_500);
    let gateway = gateway(vec![route]);
    // The weights are read before.
    hear(&gateway, &cold(json!({"max_tokens": 1}))).await.unwrap();
    let endless = request(json!({"stream": true, "seed": 1, "top_k": 0, "max_tokens": 480}));
    let mut answers = Vec::new();
    for _ in 0..2 {
        match hear(&gateway, &endless).await {
            Ok((heard, _)) => answers.push(heard.error),
            Err(error) => answers.push(Some(error)),
        }
        sleep(Duration::from_millis(50)).await;
    }
    for error in answers.into_iter().flatten() {
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
}

#[tokio::test]
async fn what_it_cannot_do_is_refused_by_name() {
    let (_folder, route) = written(&RandomModel::tiny("qwen2", Numbers::F32));
    let gateway = gateway(vec![route]);
    for (fields, param) in [
        (json!({"n": 2}), "n"),
        (json!({"tools": [{"type": "function", "function": {"name": "f"}}]}), "tools"),
        (json!({"response_format": {"type": "json_object"}}), "response_format"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"logit_bias": {"1": 5}}), "logit_bias"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort"),
        (json!({"guided_json": {"type": "object"}}), "guided_json"),
        (json!({"chat_template_kwargs": {"enable_thinking": false}}), "chat_template_kwargs"),
        (json!({"min_tokens": 5}), "min_tokens"),
        (json!({"ignore_eos": true}), "ignore_eos"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"verbosity": "low"}), "verbosity"),
        (json!({"top_logprobs": 2}), "top_logprobs"),
        (json!({"moderation": {"model": "m"}}), "moderation"),
        (json!({"function_call": "auto"}), "function_call"),
        (json!({"foo": 1}), "foo"),
        (json!({"temperature": -1}), "temperature"),
        (json!({"top_p": 1.5}), "top_p"),
        (json!({"stop": vec!["x"; 17]}), "stop"),
        (
            json!({"messages": [{"role": "user", "content": "?"}, {"role": "tool", "tool_call_id": "1", "content": "x"}]}),
            "messages[1]",
        ),
    ] {
        let error = hear(&gateway, &request(fields)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{param}: {error}");
        assert_eq!(error.body().param.as_deref(), Some(param), "{error:?}");
    }
    let long = request(json!({"messages": [{"role": "user", "content": "x".repeat(1_000)}]}));
    let error = hear(&gateway, &long).await.unwrap_err();
    assert_eq!(error.body().code.as_deref(), Some("context_length_exceeded"), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_gone_or_too_large_leaves_the_answer_to_the_next_route() {
    let gone = local(Path::new("/nonexistent.gguf"), 512, 1);
    let error = hear(&gateway(vec![gone.clone()]), &cold(json!({}))).await.unwrap_err();
    assert!(matches!(error, GatewayError::Upstream { failure: Failure::Engine, .. }), "{error:?}");
    let (heard, stream) =
        hear(&gateway(vec![gone, built_in("auszug")]), &cold(json!({}))).await.unwrap();
    assert!(heard.error.is_none());
    assert_eq!(stream.taken().route, "auszug");

    let (_folder, mut large) = written(&RandomModel::tiny("llama", Numbers::F32));
    let RouteKind::Local(local) = &mut large.kind else { panic!("a local route") };
    local.memory_bytes_max = 1_000_000;
    let error = hear(&gateway(vec![large]), &cold(json!({}))).await.unwrap_err();
    assert!(matches!(error, GatewayError::Upstream { failure: Failure::Engine, .. }), "{error:?}");
}

#[tokio::test]
async fn running_answers_outlive_the_catalogue() {
    let (_folder, route) = written(&slow());
    let gateway: Gateway = gateway(vec![route]);
    let asked = request(json!({"stream": true, "max_tokens": 30, "seed": 1}));
    let mut stream = gateway.chat(&asked, DataClass::Open, &UsageMeter::default()).await.unwrap();
    gateway.replace_catalogue(
        Catalogue::new(vec![model("andere", vec![built_in("auszug")])]).unwrap(),
    );
    let heard = crate::setup::listen(&mut stream).await;
    assert!(heard.error.is_none(), "{:?}", heard.error);
    assert!(!heard.text.is_empty());
}
