//! The program as processes of its own, and callers that reach it on a socket.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::form;

/// How long a process may take for what happens at once when all is well; this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A data folder and the settings of the processes on it.
pub struct Installation {
    folder: TempDir,
    environment: Vec<(String, String)>,
    /// The program that starts ours, with its arguments; none if empty.
    starter: Vec<String>,
}

impl Installation {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), environment: vec![], starter: vec![] }
    }

    /// An installation whose rows lie in a PostgreSQL database.
    pub fn on(database: &str) -> Self {
        Self::new().with("FACHWERK_DATABASE_URL", database)
    }

    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Lets another program start the processes to come.
    pub fn within(mut self, starter: &[&str]) -> Self {
        self.starter = starter.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Writes the configuration file.
    pub fn configured(self, text: &str) -> Self {
        fs::write(self.folder.path().join("fachwerk.toml"), text).unwrap();
        self
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What all its processes have written to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_fachwerk").to_owned();
        let words: Vec<&String> = self.starter.iter().chain([&program]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("FACHWERK_DATA", self.data()).env("FACHWERK_LISTEN", "127.0.0.1:0");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must end well; returns what it printed.
    pub fn succeed(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes an administrator and returns a key of theirs.
    pub fn person(&self, name: &str, password: &str) -> String {
        let email = format!("{name}@amt.example");
        let create = ["admin", "create-user", "--email", &email, "--name", name];
        let create = [&create[..], &["--role", "admin", "--password-stdin"]].concat();
        self.succeed(&create, &format!("{password}\n"));
        self.succeed(&["admin", "create-key", "--email", &email], "").trim().to_owned()
    }

    /// Starts `serve` in a role and waits until it says that it is up.
    pub fn serve(&self, role: &str) -> Running {
        let log = self.folder.path().join("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = self
            .command(&["serve", "--role", role])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(Ok(greeting)) = lines.next() else {
            panic!("the program does not start: {}", self.log());
        };
        let address = greeting.strip_prefix("Fachwerk: ").unwrap_or_default().to_owned();
        Running { child, address }
    }

    pub fn verify_audit(&self) {
        let said = self.succeed(&["audit", "verify"], "");
        assert!(said.contains("intact") && !said.contains("BROKEN"), "{said}");
    }
}

/// A running process; killed when dropped.
pub struct Running {
    child: Child,
    address: String,
}

impl Running {
    pub fn caller(&self, key: &str) -> Caller {
        let client = testkit::client::client();
        Caller { client, address: self.address.clone(), key: key.to_owned() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn address(&self) -> SocketAddr {
        self.address.trim_start_matches("http://").parse().unwrap()
    }

    /// Processes that this one has started and that live.
    pub fn children(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").unwrap();
        let ids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(|id| parent(*id) == Some(self.child.id())).collect()
    }

    /// Waits for a child process that reads a document.
    pub async fn reading_child(&self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(child) = self.children().first() {
                return *child;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing is read");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; returns how it ended and how long that took.
    pub async fn stop(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, asked.elapsed());
            }
            assert!(asked.elapsed() < PATIENCE, "it does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parent of a process; `None` if there is no such process or only its last trace.
fn parent(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name| status.lines().find_map(|line: &str| line.strip_prefix(name));
    let lives = !field("State:")?.trim().starts_with('Z');
    if lives { field("PPid:")?.trim().parse().ok() } else { None }
}

/// Waits until a process is gone.
pub async fn gone(process: u32) {
    let begun = Instant::now();
    while parent(process).is_some() {
        assert!(begun.elapsed() < Duration::from_secs(10), "process {process} lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Somebody with a key and an address.
#[derive(Clone)]
pub struct Caller {
    client: reqwest::Client,
    address: String,
    key: String,
}

impl Caller {
    pub fn post_request(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.address));
        request.bearer_auth(&self.key).json(body)
    }

    /// The same request with this caller's key.
    pub fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.client.get(format!("{}{path}", self.address));
        answer(request.bearer_auth(&self.key)).await
    }

    /// All measurements, as text.
    pub async fn metrics(&self) -> String {
        let request = self.client.get(format!("{}/metrics", self.address));
        request.send().await.unwrap().text().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.post_request(path, body)).await
    }

    pub async fn delete(&self, path: &str) -> u16 {
        let request = self.client.delete(format!("{}{path}", self.address));
        answer(request.bearer_auth(&self.key)).await.0
    }

    pub async fn collection(&self) -> String {
        let body = json!({"name": "Gesetze", "data_class": "open"});
        let (status, made) = self.post("/api/collections", &body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    pub async fn upload(&self, collection: &str, name: &str, bytes: &[u8]) -> String {
        let (status, made) = self.try_upload(collection, name, bytes).await;
        assert_eq!(status, 202, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    pub async fn try_upload(&self, collection: &str, name: &str, bytes: &[u8]) -> (u16, Value) {
        let (kind, body) = form("file", name, bytes);
        let path = format!("{}/api/collections/{collection}/documents", self.address);
        let request = self.client.post(path).bearer_auth(&self.key);
        answer(request.header("content-type", kind).body(body)).await
    }

    /// Waits until a document is ready or failed.
    pub async fn settled(&self, document: &str) -> Value {
        let begun = Instant::now();
        loop {
            let (status, now) = self.get(&format!("/api/documents/{document}")).await;
            assert_eq!(status, 200, "{now}");
            if now["state"] == "ready" || now["state"] == "failed" {
                return now;
            }
            assert!(begun.elapsed() < 2 * PATIENCE, "the document stays in the making: {now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Uploads a text and waits until it is ready.
    pub async fn document(&self, collection: &str, name: &str, text: &str) -> String {
        let id = self.upload(collection, name, text.as_bytes()).await;
        let settled = self.settled(&id).await;
        assert_eq!(settled["state"], "ready", "{settled}");
        id
    }

    /// The ids of the passages that a search finds.
    pub async fn search(&self, query: &str) -> Vec<String> {
        let (status, found) = self.post("/api/search", &json!({"query": query})).await;
        assert_eq!(status, 200, "{found}");
        let hits = found["hits"].as_array().unwrap().iter();
        hits.map(|hit| hit["passage_id"].as_str().unwrap().to_owned()).collect()
    }

    /// Searches each document until it is found there, or for as long as patience lasts.
    pub async fn found_in_each(&self, documents: &[&str], query: &str) {
        let begun = Instant::now();
        for document in documents {
            let body = json!({"query": query, "documents": [document]});
            while self.post("/api/search", &body).await.1["hits"][0].is_null() {
                assert!(begun.elapsed() < PATIENCE / 2, "{document} is ready and not found");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Searches until somebody finds as many passages, or for as long as patience lasts.
    pub async fn search_until(&self, query: &str, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let found = self.search(query).await;
            if found.len() == count {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{query}: {found:?} instead of {count}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}
