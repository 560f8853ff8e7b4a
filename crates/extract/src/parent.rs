//! The parent side: starts the child, watches it, passes its news on.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::CHILD_COMMAND;
use crate::detect::Format;
use crate::event::{Event, Line};
use crate::failure::Failure;
use crate::limits::Limits;

/// Longest line of the child; the largest passage with all its boxes stays far below it.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// How much of what the child says on standard error is looked at for its cause of death.
const STDERR_BYTES_MAX: usize = 4 << 10;
/// How long a child that has said everything may take to end.
const END_GRACE: Duration = Duration::from_secs(2);

/// What is known of a document after its extraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The format, by content.
    pub format: Format,
    /// Number of pages; 0 for formats without pages.
    pub pages: u32,
    /// The title that the document gives itself.
    pub title: Option<String>,
    /// False if the caller broke off before the end.
    pub complete: bool,
}

/// Reads `file` in a child process of `exe` and hands its news to `on_event`. Blocks.
///
/// `exe` must call [`run_child`](crate::run_child) for [`CHILD_COMMAND`]; `name` is the name that
/// people know. If `on_event` breaks, the child is killed and the summary says so.
pub fn extract_in_child(
    exe: &Path,
    file: &Path,
    name: &str,
    limits: &Limits,
    on_event: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Summary, Failure> {
    let mut child = spawn(exe, file, name, limits)?;
    let output = child.stdout.take().ok_or(Failure::Crashed)?;
    let complaints = child.stderr.take().ok_or(Failure::Crashed)?;
    let deadline = Instant::now() + limits.wall;
    let child = Arc::new(Mutex::new(child));

    thread::scope(|scope| {
        let (finished, wait) = mpsc::sync_channel::<()>(1);
        let watched = Arc::clone(&child);
        let watchdog = scope.spawn(move || watch(&watched, &wait, limits.wall));
        let listener = scope.spawn(move || ran_out_of_memory(complaints));

        let heard = listen(output, limits.output_bytes_max, on_event);
        if !matches!(heard, Heard::End { .. } | Heard::Silence) {
            kill(&child);
        }
        let status = end(&child, deadline.min(Instant::now() + END_GRACE));
        drop(finished);
        let timed_out = watchdog.join().unwrap_or(false);
        let out_of_memory = listener.join().unwrap_or(false);
        conclude(heard, &Death { status, timed_out, out_of_memory })
    })
}

fn spawn(exe: &Path, file: &Path, name: &str, limits: &Limits) -> Result<Child, Failure> {
    let limits = serde_json::to_string(limits).map_err(|_| Failure::Crashed)?;
    Command::new(exe)
        .arg(CHILD_COMMAND)
        .arg(file)
        // A zero byte cannot be passed and means nothing in a name.
        .arg(name.replace('\0', ""))
        .arg(limits)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            tracing::error!(kind = ?error.kind(), "document reader could not be started");
            Failure::Crashed
        })
}

/// What came out of the child.
enum Heard {
    /// The child said how it ended.
    End { known: Known, outcome: Result<(), Failure> },
    /// The output ended; how the child ends says why.
    Silence,
    /// The output made no sense.
    Nonsense,
    /// The output exceeded its limit.
    TooMuch,
    /// The caller broke off.
    Stopped(Known),
}

#[derive(Default)]
struct Known {
    format: Option<Format>,
    pages: u32,
    title: Option<String>,
}

impl Known {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Format(format) => self.format = Some(*format),
            Event::Pages(pages) => self.pages = *pages,
            Event::Title(title) => self.title = Some(title.clone()),
            Event::Progress(_) | Event::Passage(_) => {}
        }
    }

    fn summary(self, complete: bool) -> Result<Summary, Failure> {
        Ok(Summary {
            format: self.format.ok_or(Failure::Crashed)?,
            pages: self.pages,
            title: self.title,
            complete,
        })
    }
}

fn listen(
    output: ChildStdout,
    output_bytes_max: u64,
    on_event: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Heard {
    let mut output = BufReader::with_capacity(64 << 10, output);
    let mut known = Known::default();
    let mut line = Vec::new();
    let mut total = 0;
    loop {
        line.clear();
        match output.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(count) if count > 0 => total += count as u64,
            _ => return Heard::Silence,
        }
        if total > output_bytes_max {
            return Heard::TooMuch;
        }
        match serde_json::from_slice(&line) {
            Ok(Line::Done(_)) => return Heard::End { known, outcome: Ok(()) },
            Ok(Line::Failed(failure)) => return Heard::End { known, outcome: Err(failure) },
            Ok(Line::News(event)) => {
                known.note(&event);
                if on_event(event).is_break() {
                    return Heard::Stopped(known);
                }
            }
            Err(_) => return Heard::Nonsense,
        }
    }
}

/// How the child ended.
struct Death {
    status: Option<ExitStatus>,
    timed_out: bool,
    out_of_memory: bool,
}

fn conclude(heard: Heard, death: &Death) -> Result<Summary, Failure> {
    match heard {
        Heard::End { known, outcome } => outcome.and_then(|()| known.summary(true)),
        Heard::Stopped(known) => known.summary(false),
        Heard::TooMuch => Err(Failure::TooLarge),
        Heard::Nonsense => Err(Failure::Crashed),
        Heard::Silence => Err(death.failure()),
    }
}

impl Death {
    fn failure(&self) -> Failure {
        const KILLED: i32 = 9;
        const CPU_TIME_EXCEEDED: i32 = 24;
        let signal = self.status.and_then(|status| status.signal());
        if self.timed_out || signal == Some(CPU_TIME_EXCEEDED) {
            Failure::TimedOut
        } else if self.out_of_memory || signal == Some(KILLED) {
            // Nobody but the kernel, short of memory, kills a child that is in time.
            Failure::OutOfMemory
        } else {
            tracing::warn!(signal, "document reader died");
            Failure::Crashed
        }
    }
}

/// Kills the child when its time is over; true if that was needed.
fn watch(child: &Mutex<Child>, wait: &mpsc::Receiver<()>, wall: Duration) -> bool {
    match wait.recv_timeout(wall) {
        Err(RecvTimeoutError::Timeout) => {
            kill(child);
            true
        }
        _ => false,
    }
}

fn kill(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // An error means that it has ended already.
    let _ended = child.kill();
}

/// Waits for the end of the child, kills it after the deadline, and leaves no zombie.
fn end(child: &Mutex<Child>, deadline: Instant) -> Option<ExitStatus> {
    loop {
        {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() >= deadline => {
                    let _ended = child.kill();
                    return child.wait().ok();
                }
                Ok(None) => {}
                Err(_) => return None,
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Drains standard error; true if it begins with the runtime's words for a failed allocation.
///
/// Nothing of it is kept or logged: it may quote the document.
fn ran_out_of_memory(mut complaints: ChildStderr) -> bool {
    let mut head = Vec::with_capacity(STDERR_BYTES_MAX);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = complaints.read(&mut buffer) {
        let room = STDERR_BYTES_MAX - head.len();
        head.extend_from_slice(&buffer[..count.min(room)]);
    }
    String::from_utf8_lossy(&head).contains("memory allocation of")
}
