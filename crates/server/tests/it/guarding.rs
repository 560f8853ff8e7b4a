//! Protection as callers see it: refusals in each wire format, and what an answer says was found.

use serde_json::{Value, json};
use server::config::{Environment, load_text};
use testkit::fake_model::{FakeModel, Reply};

use crate::{transcript::shown, world::World};

const TEXT: &str = "Konto DE89 3704 0044 0532 0130 00, Mail erika@post.example";

/// The path and body of the same question in each interface.
fn questions() -> [(&'static str, Value); 3] {
    let messages = json!([{"role": "user", "content": TEXT}]);
    [
        ("/v1/chat/completions", json!({"model": "gross", "messages": messages})),
        ("/v1/responses", json!({"model": "gross", "store": false, "input": TEXT})),
        ("/v1/messages", json!({"model": "gross", "max_tokens": 9, "messages": messages})),
    ]
}

#[tokio::test]
async fn a_refusal_names_kinds_in_each_interface() {
    let world = World::with("[guard]\ngermany = \"refuse\"\n").await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let mut log = Vec::new();
    for (path, body) in questions() {
        let answer = key.post(path, &body).await;
        assert!(!answer.text().contains("erika"), "{path}");
        log.push(json!({"path": path, "status": answer.status, "body": answer.json()}));
    }
    insta::assert_json_snapshot!(shown(Value::from(log)));
    assert!(world.model.requests().is_empty());
}

#[tokio::test]
async fn an_answer_says_what_was_found_and_has_the_originals() {
    let world = World::with("[guard]\ngermany = \"pseudonymise\"\n").await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::text("Konto ⟦IBAN1⟧."));
    for (path, body) in questions() {
        let answer = key.post(path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-fachwerk-guard"), "iban=1;mail=1", "{path}");
        assert!(answer.text().contains("Konto DE89 3704 0044 0532 0130 00."), "{path}");
    }
    for seen in world.model.requests() {
        assert!(!seen.body.to_string().contains("3704"), "{}", seen.body);
    }
}

#[test]
fn mistakes_in_the_policy_are_named_with_line_and_key() {
    let text = "[guard]\nown = \"repot\"\ngermany = \"report, ibann = mask\"\neu = \"report, iban\"\n\
                elsewhere = \"mask, secret = pseudonymise\"\ntopics = \"Vergabe,, Personal\"\n\
                injection_percent = 0\n";
    let mistakes = load_text(text, &Environment::default()).unwrap_err().to_string();
    insta::assert_snapshot!(mistakes);
}

/// What is withheld, in each wire format: the end says so, and a sentence does.
#[tokio::test]
async fn a_stopped_answer_says_so_in_each_interface() {
    let policy = "[[guards]]\nmodel = \"gross\"\nanswer_links = \"stop\"\nanswer_links_allowed = \"bund.de\"\n";
    let world = World::with(policy).await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::text("Siehe https://fremd.example/a und mehr."));
    for (path, mut body) in questions() {
        let answer = key.post(path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-fachwerk-guard"), "iban=1;link=1;mail=1", "{path}");
        assert!(answer.text().contains("Siehe [Antwort vom Schutzfilter beendet]"), "{path}");
        let ends = ["\"content_filter\"", "\"refusal\""];
        assert!(ends.iter().any(|end| answer.text().contains(end)), "{}", answer.text());
        body["stream"] = true.into();
        let answer = key.post(path, &body).await;
        assert!(!answer.text().contains("fremd"), "{path}: {}", answer.text());
        assert!(answer.text().contains("[Antwort vom Schutzfilter beendet]"), "{}", answer.text());
        let end = ["content_filter", "refusal"].into_iter().find(|end| answer.text().contains(end));
        assert!(end.is_some(), "{path}: {}", answer.text());
    }
}

#[test]
fn mistakes_in_exceptions_are_named_with_line_and_key() {
    let text = "[guard]\nanswer_links_allowed = \"https://bund.de/a\"\n[[guards]]\ntenant = \"stadt\"\n\
                model = \"gros\"\nroute = \"gross\"\nown = \"maks\"\nanswer_code = \"remove\"\n";
    let mistakes = load_text(text, &Environment::default()).unwrap_err().to_string();
    for (line, key) in [
        (2, "guard.answer_links_allowed"),
        (4, "guards.tenant"),
        (5, "guards.model"),
        (6, "guards.route"),
        (7, "guards.own"),
        (8, "guards.answer_code"),
    ] {
        let told = mistakes.lines().find(|one| one.contains(key));
        assert!(told.is_some_and(|one| one.contains(&line.to_string())), "{key}: {mistakes}");
    }
}

#[test]
fn an_exception_inherits_what_it_does_not_say() {
    let text = "[guard]\nown = \"mask\"\nanswer_links = \"stop\"\n[[guards]]\n\
                model = \"fachwerk-auszug\"\nanswer_links = \"remove\"\n";
    let config = load_text(text, &Environment::default()).unwrap();
    let (scope, policy) = &config.guard_exceptions[0];
    assert_eq!(scope.model.as_deref(), Some("fachwerk-auszug"));
    assert_eq!(policy.own, config.guard.own);
    assert_eq!(policy.answers.links, app::GuardMeasure::Remove);
    assert_eq!(config.guard.answers.links, app::GuardMeasure::Stop);
}

/// From the file to the event: an external guardrail by its model, in each interface.
#[tokio::test]
async fn an_external_guardrail_is_asked_as_the_file_says() {
    let judge = FakeModel::start().await;
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "sk-schutz").unwrap();
    let settings = |guard: &str| {
        format!(
            "[guard]\nexternal_model = \"schutz\"\n{guard}\n[[models]]\nname = \"schutz\"\n\
             [[models.routes]]\nkind = \"openai\"\nbase_url = \"{}\"\nupstream_model = \"m\"\n\
             place = \"own\"\nclearance = \"internal\"\noffers = \"moderations\"\n\
             api_key_file = {:?}\n",
            judge.base_url(),
            key.path(),
        )
    };
    let result = json!({"flagged": true, "categories": {"violence": true}});
    judge.always(Reply::status(200, &json!({"results": [result]})));
    let world = World::with(&settings("external_input = \"refuse\"")).await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    for (path, body) in questions() {
        let answer = key.post(path, &body).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.text().contains("externe Schutzfilter"), "{answer:?}");
    }
    assert!(world.model.requests().is_empty());
    let seen = judge.requests();
    assert_eq!(seen[0].headers["authorization"], "Bearer sk-schutz");

    let world = World::with(&settings("external_answers = \"stop\"")).await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    world.model.always(Reply::text("Etwas Hässliches steht hier."));
    for (path, mut body) in questions() {
        for stream in [false, true] {
            body["stream"] = stream.into();
            let answer = key.post(path, &body).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(!answer.text().contains("Hässlich"), "{path}: {}", answer.text());
            assert!(answer.text().contains("[Antwort vom Schutzfilter beendet]"), "{path}");
            if !stream {
                assert_eq!(answer.header("x-fachwerk-guard"), "external=1;iban=1;mail=1");
            }
        }
    }
}

#[test]
fn an_external_guardrail_that_nobody_can_ask_is_a_mistake() {
    let text = "[guard]\nexternal_answers = \"stop\"\n[[guards]]\nexternal_model = \"schutz\"\n\
                external_input = \"stop\"\nexternal_timeout_ms = 1\n";
    let mistakes = load_text(text, &Environment::default()).unwrap_err().to_string();
    for (line, key) in [
        (2, "guard.external_answers"),
        (4, "guards.external_model"),
        (5, "guards.external_input"),
        (6, "guards.external_timeout_ms"),
    ] {
        let told = mistakes.lines().find(|one| one.contains(key));
        assert!(told.is_some_and(|one| one.contains(&line.to_string())), "{key}: {mistakes}");
    }
    let text = "[guard]\nexternal_model = \"gross\"\n[[models]]\nname = \"gross\"\n[[models.routes]]\n\
                kind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nupstream_model = \"m\"\n\
                place = \"own\"\nclearance = \"internal\"\n";
    let mistakes = load_text(text, &Environment::default()).unwrap_err().to_string();
    assert!(mistakes.contains("guard.external_model"), "{mistakes}");
}

/// A file that the guard cannot read is refused by name, at each door.
#[tokio::test]
async fn a_file_that_must_be_read_and_cannot_is_refused_in_each_interface() {
    let world = World::with("[guard]\ngermany = \"mask\"\n").await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let pdf = "JVBERi0xLjcKJeLjz9M=";
    let address = format!("data:application/pdf;base64,{pdf}");
    let chat = json!([{"type": "text", "text": "Was steht darin?"},
        {"type": "file", "file": {"filename": "antrag.pdf", "file_data": address}}]);
    let input = json!([{"role": "user", "content": [{"type": "input_text", "text": "Was steht darin?"},
        {"type": "input_file", "filename": "antrag.pdf", "file_data": address}]}]);
    let blocks = json!([{"type": "text", "text": "Was steht darin?"}, {"type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}}]);
    for (path, body) in [
        (
            "/v1/chat/completions",
            json!({"model": "gross", "messages": [{"role": "user", "content": chat}]}),
        ),
        ("/v1/responses", json!({"model": "gross", "store": false, "input": input})),
        (
            "/v1/messages",
            json!({"model": "gross", "max_tokens": 9,
                "messages": [{"role": "user", "content": blocks}]}),
        ),
    ] {
        let answer = key.post(path, &body).await;
        assert_eq!(answer.status, 422, "{path} {answer:?}");
        let text = answer.text();
        assert!(text.contains("PDF") && !text.contains("antrag.pdf"), "{path} {text}");
    }
    assert!(world.model.requests().is_empty());
}
