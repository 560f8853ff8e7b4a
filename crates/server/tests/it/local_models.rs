//! Models in files, from the configuration to `/v1`, and the command that looks at them.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use server::config::{Environment, load_text};
use tempfile::TempDir;
use testkit::weights::{Numbers, RandomModel};

use crate::world::World;

fn written() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("klein.gguf");
    RandomModel::tiny("llama", Numbers::Q8_0).endless().write(&path).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn settings(path: &str, more: &str) -> String {
    format!(
        r#"
        [[models]]
        name = "klein"
        [[models.routes]]
        kind = "local"
        path = {path:?}
        clearance = "confidential"
        {more}
        "#
    )
}

#[tokio::test]
async fn a_model_in_a_file_answers_whole_and_streamed() {
    let (_folder, path) = written();
    let world = World::with(&settings(&path, "max_memory_mb = 200\ncontext_tokens = 256")).await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models"]).await;
    let body = |stream: bool| {
        json!({
            "model": "klein", "stream": stream, "temperature": 0, "max_tokens": 24,
            "messages": [{"role": "user", "content": "Wer ist zuständig?"}],
        })
    };
    let whole = key.post("/v1/chat/completions", &body(false)).await;
    assert_eq!(whole.status, 200, "{whole:?}");
    assert_eq!(whole.header("x-fachwerk-place"), "own");
    let whole = whole.json();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert!(!text.is_empty());
    assert_eq!(whole["choices"][0]["finish_reason"], "length");
    assert_eq!(whole["usage"]["completion_tokens"], 24);

    let streamed = key.post("/v1/chat/completions", &body(true)).await;
    assert_eq!(streamed.status, 200, "{streamed:?}");
    let events = streamed.text();
    assert!(events.ends_with("data: [DONE]\n\n"), "{events}");
    let pieces = events.lines().filter_map(|line| line.strip_prefix("data: {"));
    let pieces = pieces.map(|rest| serde_json::from_str::<Value>(&format!("{{{rest}")).unwrap());
    let pieces: Vec<String> = pieces
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert!(pieces.len() > 3, "piece by piece: {pieces:?}");
    assert_eq!(pieces.concat(), text);

    let mut tools = body(false);
    tools["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let refused = key.post("/v1/chat/completions", &tools).await;
    assert_eq!(refused.status, 400, "{refused:?}");
}

#[test]
fn a_file_that_cannot_be_run_is_a_mistake_of_the_configuration() {
    let (folder, path) = written();
    let mistakes = |path: &str, more: &str| {
        load_text(&settings(path, more), &Environment::default()).unwrap_err().to_string()
    };
    let config =
        load_text(&settings(&path, "max_memory_mb = 200"), &Environment::default()).unwrap();
    let route = &config.models[0].routes[0];
    assert_eq!((route.context_tokens, route.concurrency), (Some(512), 2));
    assert_eq!(route.place, domain::Place::Own);

    assert!(mistakes(&path, "").contains("models.routes.max_memory_mb: is required"));
    let small = mistakes(&path, "max_memory_mb = 1");
    assert!(small.contains("models.routes.path") && small.contains("may have 1 MB"), "{small}");
    let long = mistakes(&path, "max_memory_mb = 200\ncontext_tokens = 8192");
    assert!(long.contains("context_tokens: the file was made for at most 512 tokens"), "{long}");
    let abroad = mistakes(&path, "max_memory_mb = 200\nplace = \"eu\"");
    assert!(abroad.contains("models.routes.place: runs inside Fachwerk"), "{abroad}");
    let gone = mistakes("/nonexistent.gguf", "max_memory_mb = 1");
    assert!(gone.contains("/nonexistent.gguf cannot be run: the file cannot be read"), "{gone}");
    let text = folder.path().join("text.gguf");
    fs::write(&text, "kein Modell").unwrap();
    let text = mistakes(text.to_str().unwrap(), "max_memory_mb = 1");
    assert!(text.contains("this is not a GGUF file"), "{text}");
    let server = mistakes(&path, "max_memory_mb = 200\nbase_url = \"http://127.0.0.1/v1\"");
    assert!(server.contains("models.routes.base_url"), "{server}");
}

fn check(file: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fachwerk"));
    let output =
        command.env_clear().args(["model", "check"]).arg(file).args(more).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_says_whether_a_file_will_run() {
    let (folder, path) = written();
    let (status, out, err) = check(Path::new(&path), &["--context", "128"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    for part in ["llama", "Q8_0", "128 of 512 tokens", "tokens a second", "The model will run."] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let (status, out, err) = check(Path::new(&path), &["--context", "8192"]);
    assert_eq!(status, Some(1));
    assert!(!out.contains("will run") && out.contains("512 of 512 tokens"), "{out}");
    assert!(err.contains("made for at most 512 tokens, not for 8192"), "{err}");
    let (status, out, _) = check(Path::new(&path), &["--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &report["will_run"]), (Some(0), &json!(true)));
    assert!(report["tokens_per_second"]["writing"].as_f64().unwrap() > 0.0);
    let memory = &report["memory_bytes"];
    assert!(memory["total"].as_u64() > memory["weights"].as_u64());

    let bare = folder.path().join("bare.gguf");
    let model = RandomModel::tiny("llama", Numbers::F32);
    model
        .write_with(&bare, |meta| meta.retain(|(key, _)| key != "tokenizer.chat_template"))
        .unwrap();
    let (status, out, err) = check(&bare, &["--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, Some(1));
    assert_eq!(report["architecture"], "llama");
    assert_eq!(report["obstacle"], "there is no chat template in the file");
    assert!(err.contains("the model will not run: there is no chat template"), "{err}");
}
