//! Recordings: the form, the way of the file, every form of the answer, and what is refused.

use http::Method;
use serde_json::json;
use testkit::fake_model::{FakeModel, Reply, SeenRequest};

use crate::{
    client::{Answer, Client, recording},
    world::World,
};

const SOUND: &[u8] = b"RIFF\x00\xff\r\n--grenz\r\nWAVE";

async fn written(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let (kind, body) = recording(fields, "sitzung.wav", SOUND);
    client.raw(&Method::POST, path, &kind, body).await
}

async fn transcript(client: &Client, fields: &[(&str, &str)]) -> Answer {
    written(client, "/v1/audio/transcriptions", fields).await
}

/// The fields of the form that a server got, the file among them by its name.
fn parts(seen: &SeenRequest) -> Vec<(String, Vec<u8>)> {
    let kind = &seen.headers["content-type"];
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let (bytes, mark) = (&seen.bytes[..], format!("--{boundary}"));
    let marks: Vec<usize> =
        (0..bytes.len()).filter(|start| bytes[*start..].starts_with(mark.as_bytes())).collect();
    let between = marks.windows(2).map(|pair| &bytes[pair[0] + mark.len() + 2..pair[1] - 2]);
    between
        .map(|part| {
            let end = part.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
            let head = String::from_utf8(part[..end].to_vec()).unwrap();
            let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
            (name.to_owned(), part[end + 4..].to_vec())
        })
        .collect()
}

/// G-1: stock clients send fields and file in any order.
#[tokio::test]
async fn a_recording_goes_on_as_it_came_and_its_transcript_comes_back() {
    let world = World::new().await;
    let chef = world.admin("chef").await;
    let (key, _) = world.key_of(&chef, &["models"]).await;
    let fields = [
        ("language", "de"),
        ("model", "gross"),
        ("prompt", "Bescheid"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("fachwerk", "{\"data_class\": \"internal\"}"),
    ];
    let answer = transcript(&key, &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-fachwerk-route"), "gross-1");
    assert_eq!(answer.json()["text"], "Guten Tag.");
    assert!(answer.json().get("model").is_none());
    let seen = &world.model.requests()[0];
    assert_eq!(seen.path, "/v1/audio/transcriptions");
    let text = |value: &str| value.as_bytes().to_vec();
    assert_eq!(
        parts(seen),
        [
            ("language".to_owned(), text("de")),
            ("model".to_owned(), text("oben")),
            ("prompt".to_owned(), text("Bescheid")),
            ("response_format".to_owned(), text("verbose_json")),
            ("timestamp_granularities[]".to_owned(), text("word")),
            ("timestamp_granularities[]".to_owned(), text("segment")),
            ("file".to_owned(), SOUND.to_vec()),
        ]
    );
    assert_eq!(seen.headers["content-length"], seen.bytes.len().to_string());
    assert!(!seen.headers.contains_key("transfer-encoding"));

    let answer = written(&key, "/v1/audio/translations", &[("model", "gross")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.model.requests()[1].path, "/v1/audio/translations");
    world.platform.app().settle_ledger().await.unwrap();
    let trail = chef.get("/api/audit").await.text();
    assert!(trail.contains("create_transcription") && trail.contains("create_translation"));
    assert!(!trail.contains("sitzung") && !trail.contains("Bescheid"), "{trail}");
}

#[tokio::test]
async fn text_and_subtitles_come_as_they_are() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    for (format, kind, body) in [
        ("text", "text/plain", "Guten Tag.\n"),
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\nGuten Tag.\n"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nGuten Tag.\n"),
    ] {
        world.model.next(Reply::raw(200, kind, [body]));
        let answer = transcript(&ada, &[("model", "gross"), ("response_format", format)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{format}");
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("x-fachwerk-place"), "germany");
    }
}

/// G-3.
#[tokio::test]
async fn a_streamed_transcript_keeps_its_typed_events() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let events = [
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten \",\"logprobs\":[]}\n\n",
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Tag.\"}\n\n",
        "data: {\"type\":\"transcript.text.done\",\"text\":\"Guten Tag.\",\"usage\":{\"type\":\"tokens\",\
         \"input_tokens\":14,\"output_tokens\":45,\"total_tokens\":59}}\n\n",
    ];
    let fields = [("model", "gross"), ("stream", "true")];
    for end in ["", "data: [DONE]\n\n"] {
        let chunks = events.into_iter().chain([end]).filter(|chunk| !chunk.is_empty());
        world.model.next(Reply::raw(200, "text/event-stream", chunks));
        let answer = transcript(&ada, &fields).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert_eq!(answer.text(), events.concat());
    }
    // Without its end it is no transcript, and the caller is told.
    world.model.next(Reply::raw(200, "text/event-stream", [events[0]]));
    let cut = transcript(&ada, &fields).await.text();
    assert!(cut.starts_with(events[0]) && cut.contains("\"error\""), "{cut}");
}

/// Servers that cannot stream a transcript answer whole, as OpenAI says of its `whisper-1`.
#[tokio::test]
async fn a_transcript_that_comes_whole_in_spite_of_the_wish_is_no_failure() {
    let world = World::with("[[guards]]\nmodel = \"gross\"\nanswer_links = \"remove\"\nanswer_links_allowed = \"bund.example\"\n").await;
    let ada = world.member("ada").await;
    let fields = [("model", "gross"), ("stream", "true")];
    for _ in 0..6 {
        let said = json!({"text": "Siehe https://boese.example/?a=b", "duration": 3});
        world.model.next(Reply::status(200, &said));
        let answer = transcript(&ada, &fields).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["text"], "Siehe [Link entfernt]");
    }
    let subtitles = "1\n00:00:00,000 --> 00:00:01,000\nGuten Tag.\n";
    world.model.next(Reply::raw(200, "application/x-subrip", [subtitles]));
    let fields = [("model", "gross"), ("stream", "true"), ("response_format", "srt")];
    assert_eq!(transcript(&ada, &fields).await.text(), subtitles);
}

/// G-6: the second route gets the same file.
#[tokio::test]
async fn a_route_that_fails_leaves_the_recording_to_the_next() {
    let second = FakeModel::start().await;
    let settings = |model: &FakeModel| {
        format!(
            "[[models.routes]]\nkind = \"openai\"\nbase_url = {:?}\nupstream_model = \"whisper\"\n\
             place = \"germany\"\nclearance = \"internal\"\noffers = \"transcriptions\"\n",
            model.base_url()
        )
    };
    let first = FakeModel::start().await;
    first.always(Reply::status(401, &json!({})));
    let text = format!("[[models]]\nname = \"ohr\"\n{}{}", settings(&first), settings(&second));
    let world = World::with(&text).await;
    let ada = world.member("ada").await;
    let answer = transcript(&ada, &[("model", "ohr")]).await;
    assert_eq!((answer.status, answer.header("x-fachwerk-route")), (200, "ohr-2"), "{answer:?}");
    let file = |model: &FakeModel| parts(&model.requests()[0]).last().unwrap().1.clone();
    assert_eq!((file(&first), file(&second)), (SOUND.to_vec(), SOUND.to_vec()));
    let chat = json!({"model": "ohr", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(ada.post("/v1/chat/completions", &chat).await.status, 400);
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_said_in_openais_shape() {
    let world = World::with("[limits]\naudio_bytes = 300000").await;
    let ada = world.member("ada").await;
    let path = "/v1/audio/transcriptions";
    let refused = |answer: Answer| {
        assert!(world.model.requests().is_empty());
        (answer.status, answer.json()["error"]["param"].as_str().unwrap_or("").to_owned())
    };
    let no_file = b"--grenze\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngross\r\n--grenze--\r\n";
    let kind = "multipart/form-data; boundary=grenze";
    let answer = ada.raw(&Method::POST, path, kind, no_file.to_vec()).await;
    assert_eq!(refused(answer), (400, "file".to_owned()));
    let answer = ada.post(path, &json!({"model": "gross"})).await;
    assert_eq!(refused(answer), (415, String::new()));
    for (fields, status, param) in [
        (vec![("language", "de")], 400, "model"),
        (vec![("model", "gross"), ("response_format", "html")], 400, "response_format"),
        (vec![("model", "gross"), ("model", "gross")], 400, "model"),
        (vec![("model", "gross"), ("fachwerk", "{\"data_class\": \"confidential\"}")], 403, ""),
        (vec![("model", "fehlt")], 404, ""),
        (vec![("model", "fachwerk-auszug")], 400, ""),
    ] {
        assert_eq!(
            refused(transcript(&ada, &fields).await),
            (status, param.to_owned()),
            "{fields:?}"
        );
    }
    let long = vec![0_u8; 700_000];
    let (kind, body) = recording(&[("model", "gross")], "lang.wav", &long);
    let answer = ada.raw(&Method::POST, path, &kind, body).await;
    assert!(answer.detail().contains("292"), "{}", answer.detail());
    assert_eq!(refused(answer).0, 413);
    let (kind, body) = recording(&[("model", "gross")], "leer.wav", b"");
    assert_eq!(refused(ada.raw(&Method::POST, path, &kind, body).await), (400, "file".to_owned()));
}

/// G-8, and the guard reads what stands beside the recording.
#[tokio::test]
async fn names_and_hints_do_not_go_past_the_guard() {
    let world = World::with("[guard]\ngermany = \"report, iban = refuse\"\n").await;
    let ada = world.member("ada").await;
    let datum = "DE89 3704 0044 0532 0130 00";
    for field in ["prompt", "language", "neu"] {
        let answer = transcript(&ada, &[("model", "gross"), (field, datum)]).await;
        assert!(matches!(answer.status, 400 | 422), "{field}: {answer:?}");
    }
    let (kind, body) = recording(&[("model", "gross")], &format!("Konto {datum}.wav"), SOUND);
    let answer = ada.raw(&Method::POST, "/v1/audio/transcriptions", &kind, body).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(world.model.requests().is_empty());
    let (key, _) = world.key_of(&ada, &["search"]).await;
    assert_eq!(transcript(&key, &[("model", "gross")]).await.status, 403);
    assert_eq!(transcript(&world.anonymous(), &[("model", "gross")]).await.status, 401);
}

/// what was said is an answer as any other.
#[tokio::test]
async fn a_transcript_is_checked_like_an_answer() {
    let policy = "[guard]\nanswer_links = \"remove\"\nanswer_links_allowed = \"bund.de\"\n";
    let world = World::with(policy).await;
    let chef = world.admin("chef").await;
    let (key, _) = world.key_of(&chef, &["models"]).await;
    let said = "Siehe https://fremd.example/a und https://www.bund.de/b.";
    let shown = "Siehe [Link entfernt] und https://www.bund.de/b.";
    let whole = json!({"text": said, "words": [{"word": "https://fremd.example/a", "start": 0}],
        "segments": [{"text": said}], "language": "german"});
    world.model.next(Reply::status(200, &whole));
    let answer = transcript(&key, &[("model", "gross"), ("response_format", "verbose_json")]).await;
    assert_eq!(answer.json()["text"], shown, "{answer:?}");
    assert!(!answer.text().contains("fremd") && answer.json()["language"] == "german");
    assert_eq!(answer.header("x-fachwerk-guard"), "link=1");

    let subtitles = format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{said}\n");
    world.model.next(Reply::raw(200, "text/vtt", [subtitles]));
    let answer = transcript(&key, &[("model", "gross"), ("response_format", "vtt")]).await;
    assert_eq!(answer.text(), format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{shown}\n"));

    // In events: nothing may be seen before it was checked, wherever it is cut.
    let (one, two) = said.split_at(15);
    let events = [
        format!("data: {}\n\n", json!({"type": "transcript.text.delta", "delta": one})),
        format!("data: {}\n\n", json!({"type": "transcript.text.delta", "delta": two})),
        format!("data: {}\n\n", json!({"type": "transcript.text.done", "text": said})),
    ];
    world.model.next(Reply::raw(200, "text/event-stream", events));
    let answer = transcript(&key, &[("model", "gross"), ("stream", "true")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.text().contains("fremd"), "{}", answer.text());
    assert_eq!(answer.text().matches(shown).count(), 2, "{}", answer.text());

    world.platform.app().settle_ledger().await.unwrap();
    let trail = chef.get("/api/audit").await.text();
    // Calls of the same kind within a moment share an entry.
    assert!(trail.contains("link/not-allowed=1 remove"), "{trail}");
}
