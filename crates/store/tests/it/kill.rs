//! A process is killed in the middle of writing: whatever it said was done must be there.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use domain::{Credential, SessionId};
use store::{Blobs, Location, Store};

use crate::world::World;

crate::on_both_engines! {
    what_was_acknowledged_survives_a_kill,
}

/// What the child needs to know, in its environment: where to write, and as whom.
const ENV_LOCATION: &str = "STORE_TEST_KILL_LOCATION";
const ENV_FOLDER: &str = "STORE_TEST_KILL_FOLDER";

async fn what_was_acknowledged_survives_a_kill(world: World) {
    world.person("writer", &[]).await;
    let location = match &world.location {
        Location::Sqlite(path) => path.display().to_string(),
        Location::Postgres(url) => url.clone(),
    };
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child_writes_until_killed", "--nocapture"])
            .env(ENV_LOCATION, &location)
            .env(ENV_FOLDER, world.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(id) = line.strip_prefix("stored ") {
                acknowledged.push(id.to_owned());
            }
            if acknowledged.len() == 25 {
                child.kill().unwrap(); // SIGKILL
                break;
            }
        }
        child.wait().unwrap();
        assert_eq!(acknowledged.len(), 25, "the child wrote");
        check(&world, &acknowledged, round).await;
    }
}

async fn check(world: &World, acknowledged: &[String], round: u32) {
    let store = Store::open(&world.location).await.unwrap();
    for id in acknowledged {
        let id = id.parse().unwrap();
        let document = store.document_work(id).await.unwrap();
        let document = document.unwrap_or_else(|| panic!("round {round}: {id} is missing"));
        let bytes = std::fs::read(world.blobs.path(&document.blob)).unwrap();
        assert_eq!(bytes.len() as u64, document.size_bytes);
    }
    let counts = store.document_counts(world.tenant).await.unwrap();
    assert_eq!(store.job_counts().await.unwrap().waiting, counts.waiting, "a job for each");
    let report = store.verify_audit(world.tenant).await.unwrap();
    assert!(report.intact(), "{report:?}");
    assert!(report.entries > counts.waiting, "an entry for each, and the person's");
}

/// Not a test by itself: the child process of the test above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how the parent tells the child what to do")]
async fn child_writes_until_killed() {
    let (Ok(location), Ok(folder)) = (std::env::var(ENV_LOCATION), std::env::var(ENV_FOLDER))
    else {
        return;
    };
    let location = if location.starts_with("postgres") {
        Location::Postgres(location)
    } else {
        Location::Sqlite(location.into())
    };
    let folder = Path::new(&folder);
    let blobs = Blobs::open(&folder.join("blobs"), &folder.join("tmp")).unwrap();
    let store = Store::open(&location).await.unwrap();
    let user = store.login("writer@example.org").await.unwrap().unwrap().user;
    let writer = user.principal(Credential::Session(SessionId::new()));
    let collection = store.default_collection(writer.tenant, writer.user).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let (store, blobs, writer) = (store.clone(), blobs.clone(), writer.clone());
        tasks.spawn(async move {
            for n in 0.. {
                let name = format!("{}-{task}-{n}", std::process::id());
                let mut file = blobs.begin(1_000).await.unwrap();
                file.write(name.as_bytes()).await.unwrap();
                let pending = file.finish().await.unwrap();
                let received =
                    store.receive_document(&writer, collection, &name, pending, None).await;
                println!("\nstored {}", received.unwrap().document.id);
            }
        });
    }
    tasks.join_all().await;
}
