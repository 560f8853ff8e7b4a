//! The built-in engine is an ordinary route.

use std::time::Duration;

use domain::{DataClass, ErrorKind};
use gateway::{Gateway, UsageMeter};
use llm::{ChatEvent, Grounding, Source, SummaryLength, Task};
use serde_json::json;
use tokio::time::timeout;

use crate::setup::{ask, built_in, gateway, hear, request, route};

const RENT: &str = "Durch den Mietvertrag wird der Vermieter verpflichtet, dem Mieter den Gebrauch \
    der Mietsache während der Mietzeit zu gewähren. Der Mieter ist verpflichtet, dem Vermieter die \
    vereinbarte Miete zu entrichten. Die Miete ist zu Beginn der einzelnen Zeitabschnitte zu zahlen.";

fn engine() -> Gateway {
    gateway(vec![built_in("auszug")])
}

fn grounded(question: &str, task: Task) -> llm::ChatRequest {
    let mut asked = ask(question);
    let source = Source {
        number: 3,
        title: "BGB".to_owned(),
        heading: "Mietvertrag".to_owned(),
        page: Some(1),
        text: RENT.to_owned(),
    };
    asked.grounding = Some(Grounding { sources: vec![source], task });
    asked
}

#[tokio::test]
async fn it_quotes_word_for_word_and_says_where() {
    let asked = grounded("Wozu ist der Mieter verpflichtet?", Task::Answer);
    let (heard, stream) = hear(&engine(), &asked).await.unwrap();
    assert!(heard.error.is_none());
    assert!(heard.text.contains("die vereinbarte Miete zu entrichten. [1]"), "{}", heard.text);
    let letters: Vec<char> = RENT.chars().collect();
    assert!(!stream.citations().is_empty());
    for citation in stream.citations() {
        assert_eq!(citation.number, 3);
        let quote: String = letters[citation.start..citation.end].iter().collect();
        assert!(heard.text.contains(&format!("{quote} [1]")), "{quote}");
    }
    let metered = stream.meter().read();
    assert!(metered.is_finished && !metered.is_estimated);
    assert!(metered.usage.prompt_tokens > 50 && metered.usage.completion_tokens > 10);
}

#[tokio::test]
async fn each_citation_follows_the_chunk_with_its_quote() {
    let asked = grounded("", Task::Summary(SummaryLength::Short));
    let (heard, stream) = hear(&engine(), &asked).await.unwrap();
    let mut before = String::new();
    let letters: Vec<char> = RENT.chars().collect();
    for event in &heard.events {
        match event {
            ChatEvent::Chunk(chunk) => before = chunk.text().to_owned(),
            ChatEvent::Citation(citation) => {
                let quote: String = letters[citation.start..citation.end].iter().collect();
                assert!(before.contains(&quote));
            }
        }
    }
    assert!(stream.citations().len() > 1);
}

#[tokio::test]
async fn its_events_have_the_ordinary_shape() {
    let asked = request(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let (heard, _) = hear(&engine(), &asked).await.unwrap();
    let mut chunks: Vec<_> = heard
        .events
        .iter()
        .map(|event| match event {
            ChatEvent::Chunk(chunk) => chunk.clone(),
            ChatEvent::Citation(_) => panic!("nothing to quote"),
        })
        .collect();
    for chunk in &mut chunks {
        assert!(chunk.fields()["id"].as_str().unwrap().starts_with("chatcmpl-"));
        assert!(chunk.fields()["created"].as_i64().unwrap() > 1_700_000_000);
        chunk.set_field("id", "chatcmpl-1".into());
        chunk.set_field("created", 1.into());
    }
    let lines = chunks.iter().map(|chunk| String::from_utf8(chunk.to_json().into()).unwrap());
    let lines: Vec<String> = lines.collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_whole_answer_is_the_same_answer() {
    let asked = grounded("Wozu ist der Mieter verpflichtet?", Task::Answer);
    let (heard, stream) = hear(&engine(), &asked).await.unwrap();
    let meter = UsageMeter::default();
    let whole = engine().complete(&asked, DataClass::Restricted, &meter).await.unwrap();
    assert_eq!(whole.response.text(), heard.text);
    assert_eq!(whole.response.finish_reason(), Some("stop"));
    assert_eq!(whole.citations, stream.citations());
    assert_eq!(whole.response.usage(), Some(stream.meter().read().usage));
    assert_eq!(whole.response.fields()["model"], "standard");
}

#[tokio::test]
async fn a_limit_of_tokens_drops_whole_sentences() {
    let mut asked = grounded("", Task::Summary(SummaryLength::Short));
    let (all, _) = hear(&engine(), &asked).await.unwrap();
    asked.set_field("max_tokens", 60.into());
    let (some, stream) = hear(&engine(), &asked).await.unwrap();
    assert!(all.text.starts_with(&some.text) && some.text.len() < all.text.len());
    assert!(some.text.is_empty() || some.text.ends_with(']'));
    let finish = some.events.iter().find_map(|event| match event {
        ChatEvent::Chunk(chunk) => chunk.finish_reason().map(str::to_owned),
        ChatEvent::Citation(_) => None,
    });
    assert_eq!(finish.as_deref(), Some("length"));
    assert!(stream.meter().read().usage.completion_tokens <= 60);
}

#[tokio::test]
async fn what_it_cannot_do_is_refused_by_name() {
    let image = json!([{"type": "image_url", "image_url": {"url": "data:"}}]);
    for (fields, param) in [
        (json!({"n": 2}), "n"),
        (json!({"tools": [{"type": "function"}]}), "tools"),
        (json!({"response_format": {"type": "json_object"}}), "response_format"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort"),
        (json!({"guided_json": {"type": "object"}}), "guided_json"),
        (json!({"stop": ["a"]}), "stop"),
        (json!({"foo": 1}), "foo"),
        (
            json!({"messages": [{"role": "user", "content": "?"}, {"role": "tool", "tool_call_id": "1", "content": "x"}]}),
            "messages[1]",
        ),
        (json!({"messages": [{"role": "user", "content": image}]}), "messages[0].content"),
    ] {
        let error = hear(&engine(), &request(fields)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{param}");
        assert_eq!(error.body().param.as_deref(), Some(param));
    }
    let plain = json!({
        "n": 1, "tools": [], "response_format": {"type": "text"}, "logprobs": false,
        "modalities": ["text"], "temperature": 0.5, "user": "u", "parallel_tool_calls": false,
    });
    assert!(hear(&engine(), &request(plain)).await.is_ok());
}

#[tokio::test]
async fn it_steps_in_when_the_server_is_gone() {
    let absent = testkit::fake_model::DesertedPort::take();
    let gateway = gateway(vec![route("server", &absent.base_url()), built_in("auszug")]);
    let asked = grounded("Wozu ist der Mieter verpflichtet?", Task::Answer);
    let (heard, stream) = hear(&gateway, &asked).await.unwrap();
    assert_eq!((stream.taken().route.as_str(), stream.taken().attempts), ("auszug", 4));
    assert!(heard.text.contains("[1]"));
    assert!(stream.citations().iter().all(|citation| citation.number == 3));
}

#[tokio::test]
async fn its_first_event_does_not_wait_for_the_work() {
    let mut asked = grounded("Wozu ist der Mieter verpflichtet?", Task::Answer);
    let grounding = asked.grounding.as_mut().unwrap();
    let source = grounding.sources[0].clone();
    grounding.sources = (1..=50).map(|number| Source { number, ..source.clone() }).collect();
    let (gateway, meter) = (engine(), UsageMeter::default());
    let mut stream = gateway.chat(&asked, DataClass::Open, &meter).await.unwrap();
    let first = timeout(Duration::from_millis(50), stream.next()).await.unwrap();
    assert!(first.unwrap().is_ok());
}
