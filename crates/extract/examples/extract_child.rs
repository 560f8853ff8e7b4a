//! The smallest program that can be its own document reader; the tests use it as the child.
//!
//! `extract_child FILE` prints the passages of a document, `extract_child extract-child …` is the
//! hidden subcommand.

use std::env;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use extract::{CHILD_COMMAND, Event, Limits, Reader, extract_in_child, run_child};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(first) = arguments.next() else {
        return ExitCode::from(64);
    };
    if first == CHILD_COMMAND {
        return run_child(arguments);
    }
    let path = Path::new(&first);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let exe = env::current_exe().expect("a running program has a file");
    let start = Instant::now();
    let (mut passages, mut chars) = (0, 0);
    let mut out = std::io::stdout().lock();
    let limits = Limits::default();
    let reader = Reader { program: &exe, limits: &limits, is_stopped: &|| false };
    let result = extract_in_child(&reader, path, &name, &mut |event| {
        if let Event::Passage(passage) = event {
            passages += 1;
            chars += passage.text.chars().count();
            let heading = passage.heading.join(" › ");
            let page = passage.page.unwrap_or_default();
            let kind = passage.kind.code();
            let boxes = serde_json::to_string(&passage.boxes).unwrap_or_default();
            let written = writeln!(out, "[{page}] {heading} ({kind})\n{}\n{boxes}\n", passage.text);
            if written.is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    let elapsed = start.elapsed();
    let told = writeln!(out, "{result:?} {passages} passages, {chars} characters, {elapsed:?}");
    if told.is_err() || result.is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
