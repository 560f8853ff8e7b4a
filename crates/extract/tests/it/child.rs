//! The child process: its limits, its end, and what the parent makes of it.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use extract::{CHILD_COMMAND, Event, Failure, Limits, Reader, extract_in_child};

use crate::{child_program, extract, fixture};

fn reader<'a>(program: &'a Path, limits: &'a Limits) -> Reader<'a> {
    Reader { program, limits, is_stopped: &|| false }
}

#[test]
fn tells_pages_and_progress_before_passages() {
    let mut seen = Vec::new();
    let summary = extract_in_child(
        &reader(&child_program(), &Limits::default()),
        &fixture("zweispaltig.pdf"),
        "Satzung.pdf",
        &mut |event| {
            seen.push(match event {
                Event::Format(_) => "format".to_owned(),
                Event::Pages(pages) => format!("{pages} pages"),
                Event::Progress(done) => format!("{done} done"),
                Event::Title(_) => "title".to_owned(),
                Event::Passage(_) => "passage".to_owned(),
            });
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert!(summary.complete);
    seen.dedup();
    assert_eq!(seen, ["format", "3 pages", "1 done", "2 done", "3 done", "title", "passage"]);
}

#[test]
fn a_caller_may_break_off() {
    let mut count = 0;
    let summary = extract_in_child(
        &reader(&child_program(), &Limits::default()),
        &fixture("einspaltig.odt"),
        "a.odt",
        &mut |event| {
            count += usize::from(matches!(event, Event::Passage(_)));
            if count == 2 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        },
    );
    assert!(!summary.unwrap().complete);
    assert_eq!(count, 2);
}

#[test]
fn limits_become_reasons() {
    let pdf = fixture("einspaltig.pdf");
    let cases = [
        (Limits { wall: Duration::from_millis(1), ..Limits::default() }, Failure::TimedOut),
        (Limits { pages_max: 2, ..Limits::default() }, Failure::TooLarge),
        (Limits { passages_max: 3, ..Limits::default() }, Failure::TooLarge),
        (Limits { output_bytes_max: 2_000, ..Limits::default() }, Failure::TooLarge),
    ];
    for (limits, expected) in cases {
        assert_eq!(extract(&pdf, "a.pdf", &limits).0, Err(expected), "{limits:?}");
    }
}

#[test]
fn memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groß.txt");
    std::fs::write(&file, "Ein Satz nach dem anderen. ".repeat(3_000_000)).unwrap();
    let limits = Limits { memory_bytes: 192 << 20, ..Limits::default() };
    assert_eq!(extract(&file, "groß.txt", &limits).0, Err(Failure::OutOfMemory));
}

#[test]
fn a_silent_child_is_stopped_in_time() {
    // `sleep` does not know the subcommand and ends; a shell that waits does not.
    let start = Instant::now();
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("waits");
    std::fs::write(&script, "#!/bin/sh\nexec /bin/sleep 30\n").unwrap();
    make_executable(&script);
    let reader = reader(&script, &limits);
    let outcome =
        extract_in_child(&reader, &fixture("brief.txt"), "a", &mut |_| ControlFlow::Continue(()));
    assert_eq!(outcome.unwrap_err(), Failure::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_silent_child_is_killed_when_the_reader_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("waits");
    let words = "echo $$ >\"$0.pid\"; echo '{\"format\":\"text\"}'; exec /bin/sleep 60";
    std::fs::write(&script, format!("#!/bin/sh\n{words}\n")).unwrap();
    make_executable(&script);
    let start = Instant::now();
    let stop_at = start + Duration::from_millis(500);
    let limits = Limits::default();
    let reader = Reader { is_stopped: &|| Instant::now() >= stop_at, ..reader(&script, &limits) };
    let outcome =
        extract_in_child(&reader, &fixture("brief.txt"), "a", &mut |_| ControlFlow::Continue(()));
    assert!(!outcome.unwrap().complete);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let pid = std::fs::read_to_string(folder.path().join("waits.pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the child lives on");
}

#[test]
fn a_child_without_a_parent_ends() {
    // A document that takes long, a parent that lets go of the pipe, and nobody who listens.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lang.txt");
    std::fs::write(&file, "Ein Satz nach dem anderen. ".repeat(2_000_000)).unwrap();
    let limits = Limits { memory_bytes: 4 << 30, ..Limits::default() };
    let mut child = Command::new(child_program())
        .arg(CHILD_COMMAND)
        .args([file.to_str().unwrap(), "lang.txt", &serde_json::to_string(&limits).unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(child.try_wait().unwrap(), None, "the document does not take long");
    let let_go = Instant::now();
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(let_go.elapsed() < Duration::from_secs(2), "{:?}", let_go.elapsed());
}

#[test]
fn a_child_that_talks_nonsense_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("talks");
    for (words, expected) in [
        ("echo hello", Failure::Crashed),
        ("printf '{\"done\":true'", Failure::Crashed),
        ("echo '{\"done\":true}'", Failure::Crashed),
        ("exit 3", Failure::Crashed),
        ("echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$", Failure::OutOfMemory),
        ("kill -XCPU $$", Failure::TimedOut),
    ] {
        std::fs::write(&script, format!("#!/bin/sh\n{words}\n")).unwrap();
        make_executable(&script);
        let limits = Limits::default();
        let reader = reader(&script, &limits);
        let outcome = extract_in_child(&reader, &fixture("brief.txt"), "a", &mut |_| {
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.unwrap_err(), expected, "{words}");
    }
}

#[test]
fn wrong_arguments_end_with_a_usage_code() {
    for arguments in [vec![], vec!["file"], vec!["file", "name", "{}"]] {
        let status =
            Command::new(child_program()).arg(CHILD_COMMAND).args(arguments).status().unwrap();
        assert_eq!(status.code(), Some(64));
    }
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
