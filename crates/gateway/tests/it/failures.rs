//! What goes wrong, and who is tried next.

use std::time::{Duration, Instant};

use domain::{DataClass, ErrorKind};
use gateway::{Failure, GatewayError, RouteKind, Secret, Terms, UsageMeter};
use llm::Dialect;
use serde_json::json;
use testkit::fake_model::{DesertedPort, FakeModel, Reply};

use crate::setup::{ask, gateway, hear, request, route};

fn failing(status: u16) -> Reply {
    Reply::status(status, &json!({"error": {"message": "nein"}}))
}

/// A first route that behaves as given, and a second that answers. Returns how often each was asked.
async fn with_second(first: Reply) -> (usize, usize, Result<String, GatewayError>) {
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    bad.always(first);
    good.always(Reply::text("zweite"));
    let gateway = gateway(vec![route("a", &bad.base_url()), route("b", &good.base_url())]);
    let heard = hear(&gateway, &ask("x")).await.map(|(heard, _)| heard.text);
    (bad.requests().len(), good.requests().len(), heard)
}

#[tokio::test]
async fn passing_failures_are_retried_then_the_next_route_is_taken() {
    for status in [500, 502, 503, 529, 408] {
        let (first, second, heard) = with_second(failing(status)).await;
        assert_eq!((first, second, heard.unwrap().as_str()), (3, 1, "zweite"), "{status}");
    }
}

#[tokio::test]
async fn lasting_failures_go_to_the_next_route_at_once() {
    for reply in [
        failing(401),
        failing(403),
        failing(404),
        failing(501),
        Reply::status(302, &json!({})).header("location", "http://127.0.0.1:1/"),
        Reply::garbage(),
        Reply::raw(200, "text/html", ["<html>"]),
        Reply::raw(200, "text/event-stream", ["data: {\"error\":{\"message\":\"oom\"}}\n\n"]),
    ] {
        let shown = format!("{reply:?}");
        let (first, second, heard) = with_second(reply).await;
        assert_eq!((first, second, heard.unwrap().as_str()), (1, 1, "zweite"), "{shown}");
    }
}

/// What is read ahead is bounded, and the head of an answer with it.
#[tokio::test]
async fn a_head_beyond_the_bound_is_a_failure() {
    for (bytes, wanted) in [(7_000, "erste"), (9_000, "zweite")] {
        let reply = Reply::text("erste").header("x-note", &"a".repeat(bytes));
        let (_, _, heard) = with_second(reply).await;
        assert_eq!(heard.unwrap(), wanted, "{bytes}");
    }
}

/// Who says that they have no place for a call is not asked again while another is free.
#[tokio::test]
async fn a_route_at_its_limit_is_left_for_a_free_one_at_once() {
    let resting = |status: u16| failing(status).header("retry-after", "0.4");
    for reply in [failing(429), resting(429), resting(503)] {
        let started = Instant::now();
        let (first, second, heard) = with_second(reply).await;
        assert_eq!((first, second, heard.unwrap().as_str()), (1, 1, "zweite"));
        assert!(started.elapsed() < Duration::from_millis(400));
    }
}

/// Waiting is for when nobody else is left: for the route whose rest is over first.
#[tokio::test]
async fn a_route_at_its_limit_is_asked_again_when_no_other_is_left() {
    let (tired, broken) = (FakeModel::start().await, FakeModel::start().await);
    let routes = || vec![route("a", &tired.base_url()), route("b", &broken.base_url())];
    tired.next(failing(429).header("retry-after", "0.2"));
    broken.always(failing(401));
    let started = Instant::now();
    let (_, stream) = hear(&gateway(routes()), &ask("x")).await.unwrap();
    assert_eq!((stream.taken().route.as_str(), stream.taken().attempts), ("a", 3));
    assert!(started.elapsed() >= Duration::from_millis(200));

    // Both are tired: the first for longer.
    tired.next(failing(429).header("retry-after", "0.45"));
    broken.next(failing(429).header("retry-after", "0.1"));
    broken.always(Reply::echo());
    let started = Instant::now();
    let (_, stream) = hear(&gateway(routes()), &ask("x")).await.unwrap();
    assert_eq!((stream.taken().route.as_str(), stream.taken().attempts), ("b", 3));
    assert!(started.elapsed() < Duration::from_millis(450));

    // All attempts count, whatever was tried between them.
    tired.always(failing(429).header("retry-after", "0.01"));
    broken.always(failing(429).header("retry-after", "0.01"));
    let (before, other) = (tired.requests().len(), broken.requests().len());
    let error = hear(&gateway(routes()), &ask("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert_eq!((tired.requests().len() - before, broken.requests().len() - other), (3, 3));
}

/// Nobody waits for a rest that outlasts the caller's time.
#[tokio::test]
async fn no_rest_is_waited_for_beyond_the_callers_time() {
    let (tired, broken) = (FakeModel::start().await, FakeModel::start().await);
    tired.always(failing(429).header("retry-after", "0.4"));
    broken.always(failing(401));
    let gateway = gateway(vec![route("a", &tired.base_url()), route("b", &broken.base_url())]);
    let started = Instant::now();
    let deadline = tokio::time::Instant::now() + Duration::from_millis(300);
    let terms = Terms { deadline: Some(deadline), ..Terms::from(DataClass::Open) };
    gateway.chat(&ask("x"), terms, &UsageMeter::default()).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(250), "an answer at once");
    assert_eq!((tired.requests().len(), broken.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_stream_that_ends_before_its_first_event_is_retried() {
    for reply in [
        Reply::raw(200, "text/event-stream", Vec::<&str>::new()),
        Reply::raw(200, "text/event-stream", [": hello\n\n"]),
        Reply::raw(200, "text/event-stream", [": hello\n\n"]).then_break(),
    ] {
        let (first, second, heard) = with_second(reply).await;
        assert_eq!((first, second, heard.unwrap().as_str()), (3, 1, "zweite"));
    }
}

#[tokio::test]
async fn faults_of_the_request_are_handed_to_the_caller() {
    let body = json!({"error": {
        "message": "This model's maximum context length is 8192 tokens.",
        "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded",
    }});
    for status in [400, 413, 422] {
        let (first, second, heard) = with_second(Reply::status(status, &body)).await;
        assert_eq!((first, second), (1, 0), "{status}");
        let error = heard.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let shown = error.body();
        assert_eq!(shown.message, "This model's maximum context length is 8192 tokens.");
        assert_eq!(shown.param.as_deref(), Some("messages"));
        assert_eq!(shown.code.as_deref(), Some("context_length_exceeded"));
        assert!(!error.to_string().contains("8192"), "the server's words stay out of logs");
    }
}

#[tokio::test]
async fn a_server_that_recovers_is_enough() {
    let fake = FakeModel::start().await;
    fake.next(failing(503));
    fake.next(failing(429).header("retry-after", "0"));
    fake.next(Reply::text("wieder da"));
    let (heard, stream) =
        hear(&gateway(vec![route("a", &fake.base_url())]), &ask("x")).await.unwrap();
    assert_eq!((heard.text.as_str(), stream.taken().attempts), ("wieder da", 3));
}

#[tokio::test]
async fn the_servers_wish_to_wait_is_honoured_within_bounds() {
    let fake = FakeModel::start().await;
    fake.next(failing(429).header("retry-after", "0.2"));
    let gateway_of_one = gateway(vec![route("a", &fake.base_url())]);
    let started = Instant::now();
    hear(&gateway_of_one, &ask("x")).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));

    fake.next(failing(429).header("retry-after", "30"));
    let started = Instant::now();
    let error = hear(&gateway_of_one, &ask("x")).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits half a minute");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_retried_and_left() {
    let good = FakeModel::start().await;
    let absent = DesertedPort::take();
    let both = gateway(vec![route("a", &absent.base_url()), route("b", &good.base_url())]);
    let (_, stream) = hear(&both, &ask("x")).await.unwrap();
    assert_eq!((stream.taken().route.as_str(), stream.taken().attempts), ("b", 4));

    let error = hear(&gateway(vec![route("a", &absent.base_url())]), &ask("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    assert!(matches!(error, GatewayError::Upstream { failure: Failure::Connect, .. }));
}

#[tokio::test]
async fn after_the_first_piece_nobody_else_is_asked() {
    for reply in [
        Reply::pieces(["Halb"]).then_break(),
        Reply::raw(
            200,
            "text/event-stream",
            [
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Halb\"}}]}\n\n",
                "data: {\"error\":{\"message\":\"oom\"}}\n\n",
            ],
        ),
        Reply::raw(
            200,
            "text/event-stream",
            ["data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Halb\"}}]}\n\n"],
        ),
        Reply::raw(
            200,
            "text/event-stream",
            [
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Halb\"}}]}\n\n",
                "data: not json\n\n",
            ],
        ),
    ] {
        let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
        bad.always(reply);
        let gateway = gateway(vec![route("a", &bad.base_url()), route("b", &good.base_url())]);
        let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
        assert_eq!(heard.text, "Halb");
        assert_eq!(heard.error.unwrap().kind(), ErrorKind::UpstreamFailed);
        assert_eq!((bad.requests().len(), good.requests().len()), (1, 0));
        let metered = stream.meter().read();
        assert!(!metered.is_finished && metered.is_estimated);
        assert_eq!(metered.usage.completion_tokens, 1);
    }
}

const ROLE: &str = "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const FAILED: &str = "data: {\"error\":{\"message\":\"oom\"}}\n\n";

fn events<'e>(events: impl IntoIterator<Item = &'e str>) -> Reply {
    Reply::raw(200, "text/event-stream", events)
}

/// Who speaks and what it took is no answer: as long as nothing else came, somebody else can give it.
#[tokio::test]
async fn a_stream_that_brought_nothing_yet_goes_to_the_next_route() {
    let figures =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":0}}\n\n";
    let empty = "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"\"}}]}\n\n";
    for (reply, asked) in [
        (events([ROLE, FAILED]), 1),
        (events([ROLE, empty, figures, FAILED]), 1),
        (events([ROLE, "data: not json\n\n"]), 1),
        // These may be better at once.
        (events([ROLE]), 3),
        (events([ROLE, "data: [DONE]\n\n"]), 3),
        (events([ROLE]).then_break(), 3),
    ] {
        let (first, second, heard) = with_second(reply).await;
        assert_eq!((first, second, heard.unwrap().as_str()), (asked, 1, "zweite"));
    }
}

#[tokio::test]
async fn an_opening_of_anthropics_is_no_answer_yet() {
    let opening = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":4,\"output_tokens\":1}}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    ];
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
    bad.always(events(opening.into_iter().chain([overloaded])));
    let mut first = route("a", &bad.base_url());
    if let RouteKind::Server(server) = &mut first.kind {
        server.dialect = Dialect::Anthropic;
    }
    let gateway = gateway(vec![first, route("b", &good.base_url())]);
    let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert_eq!((heard.text.as_str(), stream.taken().route.as_str()), ("x", "b"));
}

/// What begins an answer is handed on with what came before it, in order.
#[tokio::test]
async fn whatever_is_of_an_answer_begins_it() {
    for delta in [
        json!({"content": "a"}),
        json!({"reasoning_content": "a"}),
        json!({"refusal": "a"}),
        json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
    ] {
        let piece = json!({"id": "a", "choices": [{"index": 0, "delta": delta}]});
        let piece = format!("data: {piece}\n\n");
        let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
        bad.always(events([ROLE, ROLE, &piece, FAILED]));
        let gateway = gateway(vec![route("a", &bad.base_url()), route("b", &good.base_url())]);
        let (heard, _) = hear(&gateway, &ask("x")).await.unwrap();
        assert_eq!((heard.events.len(), good.requests().len()), (3, 0), "{delta}");
        assert!(heard.error.is_some());
    }
}

#[tokio::test]
async fn the_wait_for_the_first_piece_is_one_for_something_of_the_answer() {
    let (slow, good) = (FakeModel::start().await, FakeModel::start().await);
    slow.always(events([ROLE]).then_hang());
    let mut first = route("a", &slow.base_url());
    first.timeouts.first_byte = Duration::from_millis(300);
    let gateway = gateway(vec![first, route("b", &good.base_url())]);
    let started = Instant::now();
    let (heard, stream) = hear(&gateway, &ask("x")).await.unwrap();
    assert_eq!((heard.text.as_str(), stream.taken().route.as_str()), ("x", "b"));
    assert!(started.elapsed() >= Duration::from_millis(300));
}

/// Nobody makes us keep pieces without end: beyond a bound they are handed on.
#[tokio::test]
async fn pieces_of_nothing_are_not_kept_without_end() {
    let fake = FakeModel::start().await;
    let thousand = ROLE.repeat(1_000);
    fake.always(events([thousand.as_str()]).times(20).then_hang());
    let gateway = gateway(vec![route("a", &fake.base_url())]);
    let meter = UsageMeter::default();
    let mut stream = gateway.chat(&ask("x"), DataClass::Open, &meter).await.unwrap();
    for _ in 0..20_000 {
        stream.next().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_stream_without_an_end_mark_is_complete_if_the_answer_is() {
    let fake = FakeModel::start().await;
    fake.next(Reply::text("Ganz.").without_done());
    let (heard, stream) =
        hear(&gateway(vec![route("a", &fake.base_url())]), &ask("x")).await.unwrap();
    assert!(heard.error.is_none());
    assert!(stream.meter().read().is_finished);
}

#[tokio::test]
async fn whole_answers_fall_back_too() {
    for reply in [failing(500), failing(401), Reply::raw(200, "application/json", ["{\"a\":"])] {
        let (bad, good) = (FakeModel::start().await, FakeModel::start().await);
        bad.always(reply);
        let gateway = gateway(vec![route("a", &bad.base_url()), route("b", &good.base_url())]);
        let meter = UsageMeter::default();
        let whole = gateway.complete(&request(json!({})), DataClass::Open, &meter).await.unwrap();
        assert_eq!((whole.response.text(), whole.taken.route.as_str()), ("Hallo", "b"));
    }
}

#[tokio::test]
async fn a_wrong_key_is_our_fault_not_the_callers() {
    let fake = FakeModel::start().await;
    fake.always(failing(401));
    let alone = gateway(vec![route("a", &fake.base_url())]);
    let error = hear(&alone, &ask("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    assert!(!error.body().message.contains("nein"));

    let mut broken = route("a", &fake.base_url());
    let RouteKind::Server(server) = &mut broken.kind else { unreachable!() };
    server.api_key = Some(Secret::new("mit\nUmbruch"));
    let error = hear(&gateway(vec![broken]), &ask("x")).await.unwrap_err();
    assert!(matches!(error, GatewayError::Upstream { failure: Failure::BadKey, .. }));
    assert_eq!(fake.requests().len(), 1);
}
