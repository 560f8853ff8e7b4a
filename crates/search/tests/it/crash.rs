//! A writer killed at any moment leaves the last commit.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use domain::{CollectionId, DocumentId, TenantId};
use search::{Index, Opened, Query, Role};
use uuid::Uuid;

use crate::place::put;

const DIR: &str = "SEARCH_CRASH_DIR";
const PASSAGES: usize = 40;

fn whose() -> (TenantId, CollectionId) {
    (TenantId::from_uuid(Uuid::from_u128(1)), CollectionId::from_uuid(Uuid::from_u128(2)))
}

/// Not a test of its own: the child of the test below, which writes until it is killed and says after
/// each commit how many documents are in.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the parent tells its child where to write")]
fn child_that_writes_until_killed() {
    let Some(dir) = env::var_os(DIR) else { return };
    let (index, _) = Index::open(Path::new(&dir), Role::Writer).unwrap();
    let (tenant, collection) = whose();
    let start = index.stats().unwrap().documents;
    for number in start.. {
        let text = format!("Bescheid Nummer {number} über die Gebühren der Gemeinde");
        let texts = vec![text.as_str(); PASSAGES];
        let document = DocumentId::from_uuid(Uuid::from_u128(100 + u128::from(number)));
        put(&index, tenant, collection, document, "bescheid.md", &texts);
        index.commit().unwrap();
        eprintln!("committed {}", number + 1);
    }
}

#[test]
fn killed_in_the_middle_of_writing() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..4 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["crash::child_that_writes_until_killed", "--exact", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = before;
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let seen = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("committed ").and_then(|number| number.parse::<u64>().ok())
        });
        for number in seen.take(3 + round) {
            acknowledged = number;
        }
        std::thread::sleep(Duration::from_millis(7 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();

        let (index, opened) = Index::open(dir.path(), Role::Writer).unwrap();
        assert_eq!(opened, Opened::Incomplete);
        let stats = index.stats().unwrap();
        assert!(stats.documents >= acknowledged && acknowledged > before);
        assert_eq!(stats.passages, stats.documents * PASSAGES as u64, "half a document is in");
        let (tenant, collection) = whose();
        let readable = [collection];
        let query = Query {
            text: "Gebührenbescheid",
            tenant,
            readable: &readable,
            documents: None,
            limit: 10,
        };
        assert_eq!(index.search(&query).unwrap().len(), 10);
        before = stats.documents;
    }
}
