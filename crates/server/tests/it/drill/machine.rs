//! A disk that is full and a clock that jumps.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use store::{Location, UsageTotal};

use super::{
    COST, PASSWORD, ask, charged, embedded, model, open_store, report, scaled,
    upstream::{Mode, Upstream},
    used,
};
use crate::process::Installation;

/// Puts what follows into a mount space of its own, where the data folder is a small disk.
const SMALL_DISK: &str = "mount -t tmpfs -o size=24m tmpfs \"$FACHWERK_DATA\" && cp -a seed/. \
    \"$FACHWERK_DATA\" && exec \"$@\"";

#[expect(clippy::print_stdout, reason = "whoever runs the drill shall see what did not run")]
fn skipped(case: &str, why: &str) {
    println!("\ndrill | {case} | – | not run: {why}");
}

/// How to mount without being root, if this machine lets us.
fn unshare() -> Option<Vec<&'static str>> {
    let ways = [
        vec!["/usr/bin/unshare", "--mount"],
        vec!["/usr/bin/unshare", "--user", "--map-root-user", "--mount"],
    ];
    ways.into_iter().find(|way| {
        let mut try_it = Command::new(way[0]);
        try_it.args(&way[1..]).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
        try_it.output().is_ok_and(|done| done.status.success())
    })
}

/// Fills the disk to the last byte; returns the file to remove.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = fs::File::create(&path).unwrap();
    for block in [1 << 16, 1 << 10, 1] {
        let bytes = vec![0; block];
        while file.write_all(&bytes).is_ok() {}
    }
    path
}

/// What was charged, read from a copy: SQLite takes the way into another mount space for a link, and
/// would follow it to the folder that the small disk hides.
async fn charged_on(disk: &Path, calls: u64) -> UsageTotal {
    let begun = Instant::now();
    loop {
        let copy = tempfile::TempDir::new().unwrap();
        for name in ["fachwerk.db", "fachwerk.db-wal"] {
            fs::copy(disk.join(name), copy.path().join(name)).unwrap();
        }
        let location = Location::Sqlite(copy.path().join("fachwerk.db"));
        let total = used(&open_store(&location).await).await;
        assert!(total.calls <= calls, "{} calls were charged instead of {calls}", total.calls);
        if total.calls == calls {
            return total;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{total:?} instead of {calls} calls");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_a_full_disk() {
    let Some(mut inside) = unshare() else {
        skipped(
            "disk full",
            "this machine allows no mount; run it as root or with user namespaces",
        );
        return;
    };
    let upstream = Upstream::start().await;
    let forbidden = Upstream::start().await;
    let config = model("haus", &upstream.base_url(), &forbidden.base_url());
    let installation =
        Installation::new().configured(&config).with("FACHWERK_LIMITS_FREE_BYTES", "0");
    let key = installation.person("ada", PASSWORD);
    // The small disk begins with what was made so far.
    let data = installation.data();
    let seed = data.with_file_name("seed");
    assert!(Command::new("cp").arg("-a").arg(&data).arg(&seed).status().unwrap().success());
    inside.extend(["/bin/sh", "-c", SMALL_DISK, "sh"]);
    let installation = installation.within(&inside);
    let running = installation.serve("all");
    let disk = PathBuf::from(format!("/proc/{}/root{}", running.id(), data.display()));
    let caller = running.caller(&key);
    let collection = caller.collection().await;
    assert!(ask(&caller, "haus", false).await.is_complete(false));
    tokio::time::sleep(Duration::from_secs(2)).await;

    let filler = fill(&disk);
    let until = Instant::now() + scaled(Duration::from_secs(5), Duration::from_secs(60));
    let (mut good, mut told, mut longest) = (0_u64, BTreeSet::new(), Duration::ZERO);
    while Instant::now() < until {
        let answered = ask(&caller, "haus", false).await;
        longest = longest.max(answered.took);
        if answered.is_complete(false) {
            good += 1;
        } else {
            told.insert(answered.told());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (upload, _) = caller.try_upload(&collection, "a.txt", &vec![b'a'; 100_000]).await;
    assert!(upload >= 500, "an upload to a full disk was answered with {upload}");
    assert!(longest < Duration::from_secs(15), "callers waited {longest:?}");
    // On a connection of its own: that of the upload was closed with most of it unread.
    let reading = running.caller(&key).get("/api/me").await.0;
    assert_eq!(reading, 200, "what only reads must go on");
    let caller = running.caller(&key);
    fs::remove_file(filler).unwrap();

    // Room again: everything goes on, and what was answered is charged once, all of it.
    let back = Instant::now();
    while !ask(&caller, "haus", false).await.is_complete(false) {
        assert!(back.elapsed() < Duration::from_secs(20), "it does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let back = back.elapsed();
    let document = caller.document(&collection, "b.txt", "Ein Hund kostet 96 Euro.").await;
    assert!(!document.is_empty());
    let total = charged_on(&disk, good + 2).await;
    assert_eq!(total.cost_nano_euro, total.calls * COST);
    assert_eq!(forbidden.seen(), 0);
    let (status, _) = running.stop().await;
    assert!(status.success(), "{}", installation.log());
    report(
        "disk full",
        "uploads refused, reading goes on, calls answered or refused and never lost, back by itself",
        &format!(
            "{good} answered, told {}; upload {upload}; back after {:.1} s",
            told.into_iter().collect::<Vec<_>>().join(", "),
            back.as_secs_f64()
        ),
    );
}

/// The library that lies about the time, where Debian puts it.
fn faketime() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?;
    let mut folders = places.filter_map(|entry| Some(entry.ok()?.path().join("faketime")));
    folders.find_map(|folder| {
        let library = folder.join("libfaketime.so.1");
        library.is_file().then_some(library)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_a_clock_that_jumps() {
    let Some(library) = faketime() else {
        skipped("clock jumps", "libfaketime is not installed; `cargo xtask drill` installs it");
        return;
    };
    let upstream = Upstream::start().await;
    let forbidden = Upstream::start().await;
    let clock = tempfile::NamedTempFile::new().unwrap();
    fs::write(clock.path(), "+0").unwrap();
    let config = model("haus", &upstream.base_url(), &forbidden.base_url());
    let installation = Installation::new().configured(&config);
    let key = installation.person("ada", PASSWORD);
    // Only the clock on the wall is turned; a machine's own count of time cannot be set.
    let installation = installation
        .with("LD_PRELOAD", library.to_str().unwrap())
        .with("FAKETIME_TIMESTAMP_FILE", clock.path().to_str().unwrap())
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let running = installation.serve("all");
    let caller = running.caller(&key);
    let store = open_store(&embedded(&installation)).await;
    let mut calls = 0;
    let mut longest = Duration::ZERO;
    for jump in ["+0", "+3600", "-3600", "+40d", "-40d", "+0"] {
        // A stream is under way when the clock jumps.
        upstream.set(Mode::Slow { pieces: 8, pause: Duration::from_millis(100) });
        let streaming = {
            let caller = caller.clone();
            tokio::spawn(async move { ask(&caller, "haus", true).await })
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        fs::write(clock.path(), jump).unwrap();
        upstream.set(Mode::Good);
        for _ in 0..scaled(2, 50) {
            let answered = ask(&caller, "haus", false).await;
            assert!(answered.is_complete(false), "{jump}: {answered:?}");
            longest = longest.max(answered.took);
            calls += 1;
        }
        let streamed = streaming.await.unwrap();
        assert!(streamed.is_complete(true), "{jump}: {streamed:?}");
        calls += 1;
        let (status, me) = caller.get("/api/me").await;
        assert_eq!(status, 200, "{jump}: {me}");
    }
    let total = charged(&store, calls).await;
    assert_eq!(total.cost_nano_euro, calls * COST);
    assert_eq!(used(&store).await.calls, calls);
    assert_eq!(forbidden.seen(), 0);
    assert!(longest < Duration::from_secs(4), "{longest:?}");
    let (status, _) = running.stop().await;
    assert!(status.success());
    Installation::verify_audit(&installation);
    report(
        "clock jumps by 1 h and 40 days, forth and back",
        "streams go on, keys hold, each call charged once, the audit chain is whole",
        &format!("{calls} calls charged once, at most {:.1} s", longest.as_secs_f64()),
    );
}
