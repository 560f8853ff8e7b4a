//! Every operation of the description of the interface, with every kind of caller. An operation that
//! nobody has thought about here fails the test.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{Client, form, recording},
    world::{PASSWORD, World},
};

/// What each caller gets. Anonymous callers and revoked keys are told apart from everybody else
/// before anything is looked at: 401, unless the operation is public.
struct Expected {
    operation: &'static str,
    /// Whose thing it is, in the browser.
    owner: u16,
    /// Another member, with the same id.
    other: u16,
    /// An administrator, with the same id.
    admin: u16,
    /// The owner by a key with all scopes.
    key: u16,
    /// The owner by a key with scopes for something else.
    unscoped: u16,
}

const PUBLIC: &[(&str, u16)] = &[
    ("get_setup", 200),
    ("create_setup", 400),
    ("create_session", 401),
    ("check_health", 200),
    ("check_readiness", 200),
    ("read_metrics", 200),
    ("read_description", 200),
];

const fn row(
    operation: &'static str,
    owner: u16,
    other: u16,
    admin: u16,
    key: u16,
    unscoped: u16,
) -> Expected {
    Expected { operation, owner, other, admin, key, unscoped }
}

/// Sorted by what they are about; an administrator sees nobody's content by being one.
const EXPECTED: &[Expected] = &[
    // One's own account: in the browser only.
    row("get_me", 200, 200, 200, 200, 200),
    row("change_password", 204, 400, 400, 403, 403),
    row("list_sessions", 200, 200, 200, 403, 403),
    row("revoke_session", 204, 404, 404, 403, 403),
    row("delete_session", 204, 204, 204, 403, 403),
    row("list_keys", 200, 200, 200, 403, 403),
    row("create_key", 201, 201, 201, 403, 403),
    row("revoke_key", 204, 404, 204, 403, 403),
    row("list_tenant_keys", 403, 403, 200, 403, 403),
    row("get_own_usage", 200, 200, 200, 403, 403),
    // People, audit, state: administrators, in the browser only.
    row("list_limits", 403, 403, 200, 403, 403),
    row("list_limitable_keys", 403, 403, 200, 403, 403),
    row("put_limit", 403, 403, 200, 403, 403),
    row("delete_limit", 403, 403, 204, 403, 403),
    row("get_own_limits", 200, 200, 200, 200, 403),
    row("list_users", 403, 403, 200, 403, 403),
    row("create_user", 403, 403, 201, 403, 403),
    row("update_user", 403, 403, 200, 403, 403),
    row("list_units", 200, 200, 200, 200, 403),
    row("create_unit", 403, 403, 201, 403, 403),
    row("update_unit", 403, 403, 200, 403, 403),
    row("get_usage", 403, 403, 200, 403, 403),
    row("export_usage", 403, 403, 200, 403, 403),
    row("list_audit", 403, 403, 200, 403, 403),
    row("verify_audit", 403, 403, 200, 403, 403),
    row("get_system", 403, 403, 200, 403, 403),
    row("get_gateway_status", 403, 403, 200, 403, 403),
    row("list_gateway_models", 403, 403, 200, 403, 403),
    row("create_gateway_model", 403, 403, 201, 403, 403),
    row("update_gateway_model", 403, 403, 200, 403, 403),
    row("delete_gateway_model", 403, 403, 204, 403, 403),
    row("drain_gateway_route", 403, 403, 204, 403, 403),
    row("test_gateway_route", 403, 403, 200, 403, 403),
    row("list_model_access", 403, 403, 200, 403, 403),
    row("update_model_access", 403, 403, 200, 403, 403),
    row("get_place_policy", 403, 403, 200, 403, 403),
    row("update_place_policy", 403, 403, 200, 403, 403),
    // Models.
    row("list_models", 200, 200, 200, 200, 403),
    row("list_openai_models", 200, 200, 200, 200, 403),
    row("get_openai_model", 200, 200, 200, 200, 403),
    row("create_chat_completion", 200, 200, 200, 200, 403),
    row("create_response", 200, 200, 200, 200, 403),
    row("create_completion", 200, 200, 200, 200, 403),
    row("create_embedding", 200, 200, 200, 200, 403),
    row("create_rerank", 200, 200, 200, 200, 403),
    row("create_moderation", 200, 200, 200, 200, 403),
    row("create_image", 200, 200, 200, 200, 403),
    row("create_speech", 200, 200, 200, 200, 403),
    row("create_transcription", 200, 200, 200, 200, 403),
    row("create_translation", 200, 200, 200, 200, 403),
    row("create_anthropic_message", 200, 200, 200, 200, 403),
    row("count_anthropic_tokens", 200, 200, 200, 200, 403),
    // Collections and documents: private ones exist for their owner alone.
    row("list_collections", 200, 200, 200, 200, 403),
    row("create_collection", 201, 201, 201, 201, 403),
    row("get_collection", 200, 404, 404, 200, 403),
    row("update_collection", 200, 404, 404, 200, 403),
    row("delete_collection", 204, 404, 404, 204, 403),
    row("list_documents", 200, 404, 404, 200, 403),
    row("upload_document", 202, 404, 404, 202, 403),
    row("get_document", 200, 404, 404, 200, 403),
    row("delete_document", 204, 404, 404, 204, 403),
    row("retry_document", 409, 404, 404, 409, 403),
    row("get_document_content", 200, 404, 404, 200, 403),
    row("list_passages", 200, 404, 404, 200, 403),
    row("get_passage", 200, 404, 404, 200, 403),
    row("search_passages", 200, 200, 200, 200, 403),
    // Conversations: nobody but their owner.
    row("list_conversations", 200, 200, 200, 200, 403),
    row("create_conversation", 201, 201, 201, 201, 403),
    row("get_conversation", 200, 404, 404, 200, 403),
    row("list_messages", 200, 404, 404, 200, 403),
    row("update_conversation", 200, 404, 404, 200, 403),
    row("delete_conversation", 204, 404, 404, 204, 403),
    row("create_message", 202, 404, 404, 202, 403),
    row("retry_message", 202, 404, 404, 202, 403),
    row("watch_run", 200, 404, 404, 200, 403),
    row("stop_run", 204, 404, 404, 204, 403),
];

/// An operation of the description.
struct Operation {
    id: String,
    method: Method,
    path: String,
}

fn operations() -> Vec<Operation> {
    let description: Value = serde_json::from_str(&server::api_description()).unwrap();
    let mut found = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
            });
        }
    }
    found
}

#[test]
fn every_operation_has_one_name_and_is_expected() {
    let found: Vec<String> = operations().into_iter().map(|operation| operation.id).collect();
    let names: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(names.len(), found.len(), "two operations share a name");
    let expected: BTreeSet<&str> = PUBLIC
        .iter()
        .map(|(operation, _)| *operation)
        .chain(EXPECTED.iter().map(|expected| expected.operation))
        .collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn every_operation_refuses_whom_it_should() {
    let mut cast = Cast::new().await;
    let mut wrong = Vec::new();
    for operation in operations() {
        let public = PUBLIC.iter().find(|(id, _)| *id == operation.id);
        if let Some((_, status)) = public {
            let callers = [("anonymous", &cast.nobody), ("revoked key", &cast.revoked)];
            for (who, client) in callers {
                check(&mut wrong, who, client, &operation, "", *status).await;
            }
            continue;
        }
        let expected = EXPECTED.iter().find(|row| row.operation == operation.id).unwrap();
        let thing = cast.thing_for(&operation).await;
        // Whoever is refused leaves the thing as it is for the next; its owner comes last.
        let owner = cast.owner_for(&operation).await;
        let callers = [
            ("anonymous", &cast.nobody, 401),
            ("revoked key", &cast.revoked, 401),
            ("key without scope", &cast.unscoped, expected.unscoped),
            ("other member", &cast.other, expected.other),
            ("administrator", &cast.admin, expected.admin),
        ];
        for (who, client, status) in callers {
            check(&mut wrong, who, client, &operation, &thing, status).await;
        }
        // An administrator who may do it as well has done it: the owner needs another thing.
        let is_done = expected.admin == 204 && expected.owner == 204;
        let thing = if is_done { cast.thing_for(&operation).await } else { thing };
        check(&mut wrong, "owner", &owner, &operation, &thing, expected.owner).await;
        cast.revive().await;
        let thing = cast.thing_for(&operation).await;
        check(&mut wrong, "key", &cast.key, &operation, &thing, expected.key).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn check(
    wrong: &mut Vec<String>,
    who: &str,
    client: &Client,
    operation: &Operation,
    thing: &str,
    expected: u16,
) {
    let names = ["{id}", "{name}", "{model}"];
    let mut path =
        names.iter().fold(operation.path.clone(), |path, name| path.replace(name, thing));
    if operation.id == "delete_gateway_model" {
        path.push_str("?version=1");
    }
    let mut request = client.request(&operation.method, &path);
    let body = if matches!(operation.id.as_str(), "create_transcription" | "create_translation") {
        let (kind, body) = recording(&[("model", "gross")], "a.wav", b"RIFF");
        request = request.header("content-type", kind);
        Body::from(body)
    } else if operation.id == "upload_document" {
        let (kind, body) = form("file", "neu.txt", b"Noch ein Satz.");
        request = request.header("content-type", kind);
        Body::from(body)
    } else if matches!(operation.method, Method::GET | Method::DELETE) {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body_of(&operation.id).to_string().replace("{thing}", thing))
    };
    let answer = client.send(request.body(body).unwrap()).await;
    if answer.status != expected {
        let text: String = answer.text().chars().take(200).collect();
        wrong.push(format!(
            "{}: {who} got {} instead of {expected}: {text}",
            operation.id, answer.status
        ));
    }
    if answer.status == 401 || answer.status == 403 || answer.status == 404 {
        assert!(!answer.detail().is_empty(), "{} says nothing: {answer:?}", operation.id);
    }
}

fn body_of(operation: &str) -> Value {
    match operation {
        "create_setup" => {
            json!({"token": "fwe-x", "name": "x", "email": "x@amt.example", "password": PASSWORD})
        }
        "create_session" => json!({"email": "x@amt.example", "password": "falsch falsch falsch"}),
        // Only the owner's own password is right: for the others the present one is wrong.
        "change_password" => json!({"current": "ganz anderes Wort", "new": PASSWORD}),
        "create_key" => json!({"name": "x", "scopes": ["models"]}),
        "create_user" => {
            let email = format!("{}@amt.example", uuid::Uuid::now_v7());
            json!({"name": "x", "email": email, "role": "member", "password": PASSWORD})
        }
        "update_user" => json!({"disabled": false}),
        "create_unit" => json!({"name": "x"}),
        "update_unit" => json!({"cost_centre": "4711"}),
        "put_limit" => json!({"requests_per_minute": 1_000_000}),
        "create_gateway_model" => json!({"name": "frisch", "routes": [{"kind": "builtin"}]}),
        "update_gateway_model" => json!({"version": 1,
            "definition": {"name": "{thing}", "routes": [{"kind": "builtin"}]}}),
        "drain_gateway_route" => json!({"route": "{thing}-1", "drained": true}),
        "test_gateway_route" => json!({"route": "{thing}-1"}),
        "update_model_access" => json!({"version": 0}),
        "update_place_policy" => {
            json!({"version": 0, "places": ["own", "germany", "eu", "elsewhere"]})
        }
        "create_chat_completion" | "count_anthropic_tokens" => {
            json!({"model": "gross", "messages": [{"role": "user", "content": "x"}]})
        }
        "create_anthropic_message" => json!({"model": "gross", "max_tokens": 9,
            "messages": [{"role": "user", "content": "x"}]}),
        "create_completion" | "create_image" => json!({"model": "gross", "prompt": "x"}),
        "create_embedding" | "create_moderation" => json!({"model": "gross", "input": "x"}),
        "create_rerank" => json!({"model": "gross", "query": "x", "documents": ["x"]}),
        "create_speech" => json!({"model": "gross", "input": "x", "voice": "alloy"}),
        "create_response" => json!({"model": "gross", "input": "x"}),
        "create_collection" => json!({"name": "x", "data_class": "open"}),
        "update_collection" => json!({"name": "y"}),
        "search_passages" => json!({"query": "x"}),
        "update_conversation" => json!({"title": "y"}),
        "create_message" => json!({"text": "x", "model": "gross"}),
        _ => json!({}),
    }
}

/// Everybody who calls.
struct Cast {
    world: World,
    nobody: Client,
    owner: Client,
    other: Client,
    admin: Client,
    key: Client,
    unscoped: Client,
    for_models: Client,
    for_conversations: Client,
    revoked: Client,
}

impl Cast {
    async fn new() -> Self {
        let world = World::new().await;
        let owner = world.member("ada").await;
        let scopes = ["models", "search", "documents", "conversations"];
        let (key, _) = world.key_of(&owner, &scopes).await;
        let (revoked, made) = world.key_of(&owner, &scopes).await;
        let path = format!("/api/keys/{}", made["id"].as_str().unwrap());
        assert_eq!(owner.delete(&path).await.status, 204);
        Self {
            nobody: world.anonymous(),
            other: world.member("bert").await,
            admin: world.admin("chef").await,
            unscoped: key.clone(),
            for_models: world.key_of(&owner, &["models"]).await.0,
            for_conversations: world.key_of(&owner, &["conversations"]).await.0,
            owner,
            key,
            revoked,
            world,
        }
    }

    /// A fresh thing of the owner's for the `{id}` of an operation. Also picks the key whose scope is
    /// that of something else.
    async fn thing_for(&mut self, operation: &Operation) -> String {
        let path = operation.path.as_str();
        let personal = ["/api/conversations", "/api/messages", "/api/runs"];
        let is_personal = personal.iter().any(|begin| path.starts_with(begin));
        let wrong = if is_personal { &self.for_models } else { &self.for_conversations };
        self.unscoped = wrong.clone();
        if !path.contains('{') {
            return String::new();
        }
        let owner = &self.owner;
        match path.split('/').nth(2).unwrap() {
            "collections" => owner.collection("Akten", "private").await,
            "documents" => self.document().await,
            "passages" => owner.passage(&self.document().await).await,
            "conversations" => owner.conversation().await,
            "messages" => self.asked().await["answer"]["id"].as_str().unwrap().to_owned(),
            "runs" => self.asked().await["answer"]["run"]["id"].as_str().unwrap().to_owned(),
            "keys" => {
                let (_, made) = self.world.key_of(owner, &["models"]).await;
                made["id"].as_str().unwrap().to_owned()
            }
            "units" => {
                let units = self.admin.get("/api/units").await.json();
                units["items"][0]["id"].as_str().unwrap().to_owned()
            }
            "users" => owner.get("/api/me").await.id(),
            "limits" => {
                let scope = "model:gross".to_owned();
                let path = format!("/api/limits/{scope}");
                assert_eq!(
                    self.admin.json(&Method::PUT, &path, &body_of("put_limit")).await.status,
                    200
                );
                scope
            }
            "models" | "model-access" => "gross".to_owned(),
            "gateway" => {
                let name = format!("m-{}", uuid::Uuid::now_v7());
                let model = json!({"name": name, "routes": [{"kind": "builtin"}]});
                let made = self.admin.post("/api/gateway/models", &model).await;
                assert_eq!(made.status, 201, "{made:?}");
                name
            }
            "me" => {
                let other = self.world.sign_in("ada@amt.example").await;
                let sessions = other.get("/api/me/sessions").await.json();
                let items = sessions["items"].as_array().unwrap();
                let own = items.iter().find(|session| session["current"] == true).unwrap();
                own["id"].as_str().unwrap().to_owned()
            }
            other => panic!("no thing for {other}"),
        }
    }

    async fn document(&self) -> String {
        let collection = self.owner.collection("Akten", "private").await;
        self.owner.document(&collection, "satz.txt", "Ein Satz über Hunde.").await
    }

    async fn asked(&self) -> Value {
        let id = self.owner.conversation().await;
        self.owner.ask(&id, &json!({"text": "x", "model": "gross"})).await
    }

    /// The owner, as the operation needs them: with the password that the body names as present.
    async fn owner_for(&self, operation: &Operation) -> Client {
        if operation.id == "change_password" {
            // By the owner, not by command: that would revoke the keys that are tried next.
            let body = json!({"current": PASSWORD, "new": "ganz anderes Wort"});
            let changed = self.owner.json(&Method::PUT, "/api/me/password", &body).await;
            assert_eq!(changed.status, 204, "{changed:?}");
            let login = json!({"email": "ada@amt.example", "password": "ganz anderes Wort"});
            let entered = self.nobody.post("/api/session", &login).await;
            return self.world.anonymous().with_cookie(&entered.cookie().unwrap());
        }
        self.owner.clone()
    }

    /// Signs everybody in again whose session has ended by what was tried.
    async fn revive(&mut self) {
        let people =
            [(&mut self.owner, "ada"), (&mut self.other, "bert"), (&mut self.admin, "chef")];
        for (client, name) in people {
            if client.get("/api/me").await.status == 401 {
                *client = self.world.sign_in(&format!("{name}@amt.example")).await;
            }
        }
    }
}
