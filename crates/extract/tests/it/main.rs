//! Documents in, passages out, always through the child process as in the shipped program.
#![allow(clippy::unwrap_used)]

mod child;
mod detection;
mod hostile;
mod inspecting;
mod laws;
mod mutated;
mod snapshots;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use extract::{Event, Failure, Limits, Passage, Reader, Summary, extract_in_child};

/// The example that serves as the child: built by `cargo test` beside this test.
fn child_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join("extract_child");
    assert!(
        program.exists(),
        "{} is missing: run `cargo test -p extract`, which builds it",
        program.display()
    );
    program
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Shared test data; none (and a word about it) where the data is not there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: shared data {name} is absent");
        return None;
    }
    Some(path)
}

/// Extracts a file and keeps its passages.
fn extract(file: &Path, name: &str, limits: &Limits) -> (Result<Summary, Failure>, Vec<Passage>) {
    let mut passages = Vec::new();
    let program = child_program();
    let reader = Reader { program: &program, limits, is_stopped: &|| false };
    let outcome = extract_in_child(&reader, file, name, &mut |event| {
        if let Event::Passage(passage) = event {
            passages.push(passage);
        }
        ControlFlow::Continue(())
    });
    (outcome, passages)
}

/// Extracts bytes under a name.
fn extract_bytes(bytes: &[u8], name: &str) -> (Result<Summary, Failure>, Vec<Passage>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("document");
    std::fs::write(&file, bytes).unwrap();
    extract(&file, name, &Limits::default())
}
