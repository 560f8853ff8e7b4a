//! The running server does what its description says: schemathesis makes up requests from
//! `openapi/api.json`, right ones and wrong ones, and checks each answer against it.
//! `cargo xtask test` installs it; `cargo xtask test described --examples N` lets it try longer.

use std::{env, fmt::Write as _, fs};

use serde_json::json;
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command};
use tokio_util::sync::CancellationToken;

use crate::{client::Client, world::World};

/// Says where the program is.
const PROGRAM: &str = "FACHWERK_SCHEMATHESIS";
/// Says how many requests are made up for each operation besides those at the edges.
const EXAMPLES: &str = "FACHWERK_SCHEMATHESIS_EXAMPLES";
/// Enough to meet every operation with good and bad requests; more is for the night.
const EXAMPLES_SHORT: &str = "5";
/// Operations that take the caller's own rights away, and so come last, each caller with a session
/// to lose.
const LAST: &str = "^(delete_session|revoke_session|change_password|update_user)$";
/// Not checked: that whatever fits the schema is accepted. A schema cannot say that a cursor must be
/// one of ours, that a model must exist, or that a password must be the right one. Nor that what was
/// just made is there: the ids we give stand in for those just made, and may have been deleted.
const NOT_CHECKED: &str = "positive_data_acceptance,ensure_resource_availability";

/// Who asks.
enum Asker {
    Nobody,
    Session(Client),
    Key(Client),
}

impl Asker {
    /// The part of the configuration that lets schemathesis come as this caller.
    fn config(&self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::Session(client) => format!(
                "headers = {{ \"x-fachwerk-csrf\" = \"1\" }}\n[auth.openapi.session]\n\
                 api_key = \"{}\"\n",
                client.session()
            ),
            Self::Key(client) => format!("[auth.openapi.key]\nbearer = \"{}\"\n", client.secret()),
        }
    }
}

/// Lets schemathesis ask the world's server as `asker`; `things` are ids to meet, by operation.
async fn check(world: &World, asker: &Asker, which: [&str; 2], things: &[(&str, String)]) {
    let Some(program) = env::var_os(PROGRAM) else {
        skipped();
        return;
    };
    let folder = TempDir::new().unwrap();
    let mut config = asker.config();
    for (operation, id) in things {
        write!(
            config,
            "[[operations]]\ninclude-operation-id = \"{operation}\"\n\
             parameters = {{ \"path.id\" = \"{id}\" }}\n"
        )
        .unwrap();
    }
    fs::write(folder.path().join("schemathesis.toml"), config).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let examples = env::var(EXAMPLES).unwrap_or_else(|_| EXAMPLES_SHORT.to_owned());
    let mut command = Command::new(program);
    command.args(["--config-file", "schemathesis.toml", "run"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/api.json"));
    command.args(["--url", &url, "--max-examples", &examples, "--no-color", "--warnings", "off"]);
    command.args(["--generation-deterministic", "--continue-on-failure", "--max-failures", "10"]);
    command.args(["--generation-with-security-parameters", "false"]);
    command.args(["--exclude-checks", NOT_CHECKED]).args(which);
    command.current_dir(folder.path()).env("NO_PROXY", "127.0.0.1").kill_on_drop(true);
    let stop = CancellationToken::new();
    let (output, ()) = tokio::join!(
        async {
            let output = command.output().await.unwrap();
            stop.cancel();
            output
        },
        world.platform.serve(listener, stop.clone()),
    );
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    // A run that asked nothing must not pass for one that found nothing.
    assert!(told.contains(" generated, "), "{told}");
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
fn skipped() {
    println!("skipped: {PROGRAM} does not say where schemathesis is; `cargo xtask test`");
}

/// One of each thing, so that requests get beyond "there is no such thing".
async fn things(client: &Client) -> Vec<(&'static str, String)> {
    let collection = client.collection("Satzungen", "private").await;
    let document = client.document(&collection, "hund.txt", "Ein Hund kostet 96 Euro.").await;
    let passage = client.passage(&document).await;
    let conversation = client.conversation().await;
    let question = json!({"text": "Was kostet ein Hund?", "model": "fachwerk-auszug"});
    let asked = client.ask(&conversation, &question).await;
    let run = asked["answer"]["run"]["id"].as_str().unwrap().to_owned();
    let answer = asked["answer"]["id"].as_str().unwrap().to_owned();
    vec![
        ("get_collection", collection.clone()),
        ("update_collection", collection.clone()),
        ("list_documents", collection.clone()),
        ("upload_document", collection),
        ("get_document", document.clone()),
        ("get_document_content", document.clone()),
        ("list_passages", document.clone()),
        ("retry_document", document),
        ("get_passage", passage),
        ("get_conversation", conversation.clone()),
        ("update_conversation", conversation.clone()),
        ("list_messages", conversation.clone()),
        ("create_message", conversation),
        ("retry_message", answer),
        ("watch_run", run.clone()),
        ("stop_run", run),
        ("get_openai_model", "gross".to_owned()),
    ]
}

#[tokio::test]
async fn anonymous_callers_meet_the_description() {
    let world = World::new().await;
    check(&world, &Asker::Nobody, ["--exclude-operation-id", "none"], &[]).await;
}

#[tokio::test]
async fn clerks_meet_the_description() {
    let world = World::new().await;
    let clara = world.member("clara").await;
    let things = things(&clara).await;
    let all = ["--exclude-operation-id-regex", LAST];
    check(&world, &Asker::Session(clara), all, &things).await;
}

#[tokio::test]
async fn administrators_meet_the_description() {
    let world = World::new().await;
    let ada = world.admin("ada").await;
    let things = things(&ada).await;
    let all = ["--exclude-operation-id-regex", LAST];
    check(&world, &Asker::Session(ada.clone()), all, &things).await;
    // The session to end is another one of the same person, the account to change another one.
    let other = world.sign_in("ada@amt.example").await;
    let sessions = ada.get("/api/me/sessions").await.json();
    let mut sessions = sessions["items"].as_array().unwrap().iter();
    let second = sessions.find(|session| session["current"] == false).unwrap();
    world.member("clara").await;
    let people = ada.get("/api/users").await.json();
    let mut people = people["items"].as_array().unwrap().iter();
    let clara = people.find(|person| person["email"] == "clara@amt.example").unwrap();
    let things = [
        ("revoke_session", second["id"].as_str().unwrap().to_owned()),
        ("update_user", clara["id"].as_str().unwrap().to_owned()),
    ];
    let last = ["--include-operation-id-regex", LAST];
    check(&world, &Asker::Session(ada), last, &things).await;
    drop(other);
}

#[tokio::test]
async fn programs_meet_the_description() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let (key, _) = world.key_of(&ada, &["models", "documents", "search"]).await;
    let things = [("get_openai_model", "gross".to_owned())];
    check(&world, &Asker::Key(key), ["--include-path-regex", "^/v1/"], &things).await;
}
