//! The child side: reads one document in a process that can do nothing else.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::document;
use crate::event::{Event, Line};
use crate::failure::Failure;
use crate::limits::Limits;
use crate::sandbox;

/// The hidden subcommand under which the program's main function calls [`run_child`].
pub const CHILD_COMMAND: &str = "extract-child";

/// Stack of the reading thread: third-party readers recurse into nested objects.
const STACK_BYTES: usize = 64 << 20;

/// Stack of the thread that waits for the parent's end, and counts as memory of the child.
const WAITING_STACK_BYTES: usize = 128 << 10;

/// Exit status of a child whose parent is gone; nobody sees it.
const PARENT_GONE: i32 = 75;

/// Entry of the hidden subcommand: `FILE NAME LIMITS`, the words behind [`CHILD_COMMAND`].
///
/// Writes one JSON object per line on standard output and ends with success even if the document
/// could not be read; every other exit means that the process was stopped. It is stopped when
/// standard input ends. Takes rights away from
/// the whole process: nothing else can be done in it.
pub fn run_child(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some((file, name, limits)) = parse(arguments) else {
        return ExitCode::from(64);
    };
    let Ok(file) = File::open(file) else {
        return ExitCode::from(66);
    };
    end_with_parent();
    // No new files, no other process: the document is the only thing left to read.
    if sandbox::limit_resources(&limits).is_err() {
        return ExitCode::from(71);
    }
    let reader = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || read_sandboxed(file, &name, &limits));
    match reader.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        _ => ExitCode::from(70),
    }
}

/// Ends this process as soon as standard input ends: the parent holds the other end of the pipe and
/// writes nothing. However the parent dies, nobody waits for this document any more.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread cannot return from main; nothing is to drain"
)]
fn end_with_parent() {
    // Without this thread the child still ends: at its next event or at its limit of time.
    let Ok(pipe) = io::stdin().as_fd().try_clone_to_owned() else { return };
    let waiting = move || {
        let (mut pipe, mut nothing) = (File::from(pipe), [0]);
        while pipe.read(&mut nothing).is_ok_and(|count| count > 0) {}
        std::process::exit(PARENT_GONE);
    };
    let _best_effort = std::thread::Builder::new().stack_size(WAITING_STACK_BYTES).spawn(waiting);
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Option<(OsString, String, Limits)> {
    let mut arguments = arguments.into_iter();
    let file = arguments.next()?;
    let name = arguments.next()?.to_string_lossy().into_owned();
    let limits = serde_json::from_str(arguments.next()?.to_str()?).ok()?;
    arguments.next().is_none().then_some((file, name, limits))
}

fn read_sandboxed(mut file: File, name: &str, limits: &Limits) -> ExitCode {
    // A kernel that knows Landlock but refuses is no reason to read without limits: they are set.
    let _best_effort = sandbox::close_world();
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => Failure::OutOfMemory,
            _ => Failure::Damaged,
        })?;
        document::read(bytes, name, limits, &mut |event| {
            let flush = matches!(event, Event::Pages(_) | Event::Progress(_));
            let written = write_line(&mut out, &Line::News(event));
            let flushed = if flush { out.flush() } else { Ok(()) };
            // The parent is gone: nobody wants the rest.
            written.and(flushed).map_err(|_| Failure::Crashed)
        })
    }));
    let last = match outcome {
        Ok(Ok(_)) => Line::Done(true),
        Ok(Err(failure)) => Line::Failed(failure),
        // A reader that panics has met something it did not expect: the document is at fault.
        Err(_) => Line::Failed(Failure::Damaged),
    };
    match write_line(&mut out, &last).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(74),
    }
}

fn write_line(out: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
