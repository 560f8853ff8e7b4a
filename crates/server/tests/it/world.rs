//! A small authority with a platform of its own, made anew for each test.

use std::path::PathBuf;

use app::NewPerson;
use axum::Router;
use domain::Role;
use serde_json::{Value, json};
use server::{
    Platform,
    config::{Config, Environment, load_text},
};
use tempfile::TempDir;
use testkit::fake_model::FakeModel;

use crate::client::{Answer, Client};

pub const PASSWORD: &str = "korrekt pferd batterie";

/// A platform with two models: the built-in one, and `gross` on a fake server, cleared for internal
/// data.
pub struct World {
    pub platform: Platform,
    pub model: FakeModel,
    /// Goes with the world.
    folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// A world with more settings.
    pub async fn with(settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let model = FakeModel::start().await;
        let config = config(&folder, &model, settings);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_fachwerk"));
        let platform = Platform::open(config, server::Role::All, program).await.unwrap();
        platform.start_work().await.unwrap();
        Self { platform, model, folder }
    }

    pub fn router(&self) -> Router {
        self.platform.router()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// How many documents' files lie on the disk, stored or on their way in.
    pub fn files(&self) -> usize {
        let data = self.folder.path().join("data");
        let shelves = std::fs::read_dir(data.join("blobs")).unwrap();
        let folders = shelves.map(|shelf| shelf.unwrap().path()).chain([data.join("incoming")]);
        folders.map(|folder| std::fs::read_dir(folder).unwrap().count()).sum()
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.router())
    }

    /// Makes an account without signing in.
    pub async fn account(&self, name: &str, role: Role) -> String {
        let email = format!("{name}@amt.example");
        let person = NewPerson {
            name: name.to_owned(),
            email: email.clone(),
            password: PASSWORD.to_owned(),
            role,
            units: vec![],
        };
        self.platform.app().create_user_by_command(person).await.unwrap();
        email
    }

    pub async fn member(&self, name: &str) -> Client {
        let email = self.account(name, Role::Member).await;
        self.sign_in(&email).await
    }

    pub async fn admin(&self, name: &str) -> Client {
        let email = self.account(name, Role::Admin).await;
        self.sign_in(&email).await
    }

    pub async fn sign_in(&self, email: &str) -> Client {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.anonymous().post("/api/session", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.anonymous().with_cookie(&answer.cookie().unwrap())
    }

    /// A client that comes with a key of `owner`.
    pub async fn key_of(&self, owner: &Client, scopes: &[&str]) -> (Client, Value) {
        let body = json!({"name": "Probe", "scopes": scopes});
        let answer = owner.post("/api/keys", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let made = answer.json();
        (self.anonymous().with_key(made["key"].as_str().unwrap()), made)
    }
}

fn config(folder: &TempDir, model: &FakeModel, settings: &str) -> Config {
    let text = format!(
        r#"
        data = {data:?}
        {settings}
        [[models]]
        name = "gross"
        purpose = "Allgemeine Fragen"
        description = "Ein Modell für die Probe"
        [[models.routes]]
        kind = "openai"
        base_url = "{base_url}"
        upstream_model = "oben"
        place = "germany"
        clearance = "internal"
        offers = "chat, completions, embeddings, rerank, moderations, images, speech, transcriptions"
        "#,
        data = folder.path().join("data"),
        base_url = model.base_url(),
    );
    load_text(&text, &Environment::default()).unwrap()
}

/// What people do, one step each.
impl Client {
    pub async fn collection(&self, name: &str, visibility: &str) -> String {
        let body = json!({
            "name": name, "data_class": "internal", "visibility": {"kind": visibility},
        });
        let answer = self.post("/api/collections", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.id()
    }

    pub async fn upload(&self, collection: &str, name: &str, bytes: &[u8]) -> Answer {
        self.post_form(&format!("/api/collections/{collection}/documents"), name, bytes).await
    }

    /// Uploads a text and waits until it is ready.
    pub async fn document(&self, collection: &str, name: &str, text: &str) -> String {
        let answer = self.upload(collection, name, text.as_bytes()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.id();
        let settled = self.settled(&id).await;
        assert_eq!(settled["state"], "ready", "{settled}");
        id
    }

    pub async fn settled(&self, document: &str) -> Value {
        for _ in 0..600 {
            let now = self.get(&format!("/api/documents/{document}")).await.json();
            if now["state"] == "ready" || now["state"] == "failed" {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the document stays in the making");
    }

    pub async fn passage(&self, document: &str) -> String {
        let list = self.get(&format!("/api/documents/{document}/passages")).await.json();
        list["items"][0]["id"].as_str().unwrap().to_owned()
    }

    pub async fn conversation(&self) -> String {
        let answer = self.post("/api/conversations", &json!({})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.id()
    }

    /// Asks and waits for the end of the answer; returns what `create_message` said.
    pub async fn ask(&self, conversation: &str, body: &Value) -> Value {
        let path = format!("/api/conversations/{conversation}/messages");
        let answer = self.post(&path, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let asked = answer.json();
        let run = asked["answer"]["run"]["id"].as_str().unwrap();
        let events = self.get(&format!("/api/runs/{run}/events")).await;
        assert!(events.text().contains("event: done"), "{events:?}");
        asked
    }
}
