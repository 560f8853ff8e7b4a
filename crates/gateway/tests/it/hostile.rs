//! Servers that mean ill, or are very broken: what they say costs no more memory than the bounds, is
//! charged once, and reaches nobody as an answer if it is none.

use std::time::Duration;

use domain::DataClass;
use gateway::{Failure, GatewayError, UsageMeter};
use serde_json::json;
use testkit::fake_model::{FakeModel, Reply};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::setup::{ask, gateway, hear, request, route};

const MEBIBYTE: usize = 1 << 20;

fn failure(error: &GatewayError) -> Option<Failure> {
    match error {
        GatewayError::Upstream { failure, .. } => Some(*failure),
        _ => None,
    }
}

/// Waits until the server notices that nobody listens any more.
async fn until_hung_up(fake: &FakeModel) {
    for _ in 0..500 {
        if fake.hang_ups() > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the rest of the answer is still taken");
}

#[tokio::test]
async fn figures_that_come_twice_are_charged_once() {
    let piece = |text: &str, usage: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}],\
             \"usage\":{usage}}}\n\n"
        )
    };
    let usage = |tokens: u64| format!("{{\"prompt_tokens\":10,\"completion_tokens\":{tokens}}}");
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let last = format!("data: {{\"choices\":[],\"usage\":{}}}\n\n", usage(3));
    let done = "data: [DONE]\n\n";
    let growing = [piece("a", &usage(1)), piece("b", &usage(2)), piece("c", &usage(3))].concat();
    for stream in [
        format!("{}{end}{last}{last}{done}", piece("a", "null")),
        format!("{growing}{end}{done}"),
        format!("{growing}{end}{last}{done}{last}{done}"),
    ] {
        let fake = FakeModel::start().await;
        fake.always(Reply::raw(200, "text/event-stream", [stream.clone()]));
        let gateway = gateway(vec![route("a", &fake.base_url())]);
        let (heard, answer) = hear(&gateway, &ask("x")).await.unwrap();
        assert!(heard.error.is_none(), "{stream}");
        let metered = answer.meter().read();
        assert!(metered.is_finished && !metered.is_estimated);
        assert_eq!((metered.usage.prompt_tokens, metered.usage.completion_tokens), (10, 3));
    }
}

#[tokio::test]
async fn an_answer_of_100_mb_is_dropped_at_the_bound() {
    let fake = FakeModel::start().await;
    let blank = vec![b' '; MEBIBYTE];
    fake.always(Reply::raw(200, "application/json", [blank]).times(100));
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let meter = UsageMeter::default();
    let error = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap_err();
    assert_eq!(failure(&error), Some(Failure::TooLarge), "{error}");
    until_hung_up(&fake).await;
    assert_eq!(fake.requests().len(), 1, "it would be as large the next time");
}

#[tokio::test]
async fn a_line_of_100_mb_is_dropped_at_the_bound() {
    let fake = FakeModel::start().await;
    for begin in ["", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Halb\"}}]}\n\n"] {
        let long = vec![b'x'; MEBIBYTE];
        let first = [begin.as_bytes(), b"data: ", &long].concat();
        // With something before it each time, the lines would end.
        let reply = if begin.is_empty() { long } else { first };
        fake.always(Reply::raw(200, "text/event-stream", [reply]).times(100));
        let gateway = gateway(vec![route("a", &fake.base_url())]);
        let error = match hear(&gateway, &ask("x")).await {
            Ok((heard, _)) => heard.error.expect("no whole answer"),
            Err(error) => error,
        };
        let told = failure(&error);
        assert!(matches!(told, Some(Failure::TooLarge | Failure::Garbled)), "{error}");
        until_hung_up(&fake).await;
    }
}

/// Answers every connection with these bytes and closes it.
async fn saying(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("http://{address}/v1")
}

#[tokio::test]
async fn a_length_that_lies_gives_no_answer() {
    let whole = json!({"choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Guten Tag"}}]});
    let whole = whole.to_string();
    let long = whole.len();
    for lengths in [
        format!("content-length: {}\r\n", long + 1_000),
        format!("content-length: {}\r\n", long - 10),
        format!("content-length: {long}\r\ncontent-length: {}\r\n", long - 10),
        "content-length: -1\r\n".to_owned(),
        "content-length: 99999999999999999999999\r\n".to_owned(),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lengths}\r\n");
        let base_url = saying(format!("{head}{whole}").into_bytes()).await;
        let gateway = gateway(vec![route("a", &base_url)]);
        let (asked, meter) = (request(json!({})), UsageMeter::default());
        let call = gateway.complete(&asked, DataClass::Open, &meter);
        let answer = tokio::time::timeout(Duration::from_secs(10), call).await.expect("an end");
        let error = answer.expect_err(&lengths);
        let told = failure(&error);
        assert!(
            matches!(told, Some(Failure::Interrupted | Failure::Garbled)),
            "{lengths}: {error}"
        );
    }
}
