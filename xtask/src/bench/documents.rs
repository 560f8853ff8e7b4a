//! Files of the shared test data on their way into an installation, through the public interface.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Client, lost};
use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// How often the state of documents is asked for.
const INTERVAL: Duration = Duration::from_millis(250);

/// A file to upload.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name without a path.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// A document that the server has acknowledged.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its id.
    pub id: String,
    /// Its place in the list of files.
    pub file: usize,
}

/// A file or folder of the shared test data, which lies beside the repository.
pub fn shared(place: &Place, path: &str) -> Outcome<PathBuf> {
    let found = place.root.join("../shared").join(path);
    if found.exists() {
        return Ok(found);
    }
    Err(Failure::new(
        format!("the shared test data is absent: there is no ../shared/{path}"),
        "Put the folder `shared` beside the repository; benches measure with what lies there.",
    ))
}

/// All files of a folder with this ending, by name.
pub fn folder(path: &Path, ending: &str) -> Outcome<Vec<File>> {
    let failed = |error: std::io::Error| Failure::file("read", path, &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths.iter().map(|path| file(path)).collect()
}

/// One file.
pub fn file(path: &Path) -> Outcome<File> {
    let content = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(File { name, content })
}

/// Makes a collection of published documents.
pub fn create_collection(client: &Client, name: &str) -> Outcome<String> {
    let body = json!({ "name": name, "data_class": "open" });
    let answer = client.post("/api/collections", &body).map_err(|error| lost(&error))?;
    Ok(text(&answer.expect(201, "create a collection")?, "id"))
}

/// Uploads a file and returns the id of the document.
pub fn upload(client: &Client, collection: &str, file: &File) -> Outcome<String> {
    let path = format!("/api/collections/{collection}/documents");
    let answer = client.upload(&path, &file.name, &file.content).map_err(|error| lost(&error))?;
    Ok(text(&answer.expect(202, &format!("upload {}", file.name))?, "id"))
}

/// Uploads files with several clients at once until all are acknowledged or one is not. What was
/// acknowledged is added to `done` at once, so that others can watch it grow.
pub fn upload_all(
    client: &Client,
    collection: &str,
    files: &[File],
    clients: usize,
    done: &Mutex<Vec<Uploaded>>,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let work = || -> Outcome {
        loop {
            let file = next.fetch_add(1, Ordering::Relaxed);
            let Some(content) = files.get(file) else { return Ok(()) };
            let id = upload(client, collection, content)?;
            locked(done).push(Uploaded { id, file });
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(work)).collect();
        let ended = running.into_iter().map(|one| one.join().unwrap_or_else(|_| Err(panicked())));
        ended.collect()
    })
}

/// What stands behind a lock; a thread that panicked with it has left a whole list behind.
pub fn locked<T>(behind: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    behind.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Waits until no document of a collection is on its way any more, and returns them.
pub fn wait_until_settled(
    client: &Client,
    collection: &str,
    patience: Duration,
) -> Outcome<Vec<Value>> {
    let started = Instant::now();
    loop {
        if let Some(documents) = settled(client, collection)? {
            return Ok(documents);
        }
        if started.elapsed() > patience {
            return Err(Failure::new(
                format!("after {} s not all documents are read", patience.as_secs()),
                "Look into the program's log, which lies beside the data folder of the bench.",
            ));
        }
        sleep(INTERVAL);
    }
}

/// All documents of a collection, part by part; none if one is still on its way.
fn settled(client: &Client, collection: &str) -> Outcome<Option<Vec<Value>>> {
    let first = format!("/api/collections/{collection}/documents?limit=100");
    let mut path = first.clone();
    let mut documents = Vec::new();
    loop {
        let answer = client.get(&path).map_err(|error| lost(&error))?;
        let mut body = answer.expect(200, "list documents")?;
        let part = body["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        if !part.iter().all(is_settled) {
            return Ok(None);
        }
        documents.extend(part);
        let Some(next) = body["next"].as_str() else { return Ok(Some(documents)) };
        path = format!("{first}&after={next}");
    }
}

/// Whether a document is ready or has failed.
pub fn is_settled(document: &Value) -> bool {
    matches!(document["state"].as_str(), Some("ready" | "failed"))
}

/// Fails if a document of these is not ready, and says why it is not.
pub fn all_ready(documents: &[Value], expected: usize) -> Outcome {
    let failed: Vec<String> = documents
        .iter()
        .filter(|document| document["state"] != "ready")
        .map(|document| format!("{} ({})", text(document, "name"), document["reason"]["code"]))
        .collect();
    if failed.is_empty() && documents.len() == expected {
        return Ok(());
    }
    Err(Failure::new(
        format!(
            "of {expected} documents {} are there, and these failed: {}",
            documents.len(),
            failed.join(", ")
        ),
        "Read one of them with `fachwerk serve` and look at its reason.",
    ))
}

/// A text of a JSON object; empty if there is none.
pub fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_default().to_owned()
}

fn panicked() -> Failure {
    Failure::new("a client of the bench panicked", "Its message stands above; repair the bench.")
}
