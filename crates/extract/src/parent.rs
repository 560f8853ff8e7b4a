//! The parent side: starts the child, watches it, passes its news on.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
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

/// How often a reader is asked whether it is stopped.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

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

/// How documents are read in child processes.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The program to start; it must call [`run_child`](crate::run_child) for [`CHILD_COMMAND`].
    pub program: &'a Path,
    /// Bounds of each child.
    pub limits: &'a Limits,
    /// Asked several times a second; as soon as it says yes the child is killed, whatever it does.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

/// Reads `file` in a child process and hands its news to `on_event`. Blocks.
///
/// `name` is the name that people know. If `on_event` breaks or the reader is stopped, the child is
/// killed and the summary says so; there is none ([`Failure::Crashed`]) as long as the format is not
/// known. If this process dies, the child ends too.
pub fn extract_in_child(
    reader: &Reader<'_>,
    file: &Path,
    name: &str,
    on_event: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Summary, Failure> {
    let limits = reader.limits;
    let mut child = spawn(reader, file, name)?;
    let output = child.stdout.take().ok_or(Failure::Crashed)?;
    let complaints = child.stderr.take().ok_or(Failure::Crashed)?;
    // Held until the child has ended: its end of the pipe tells it that we live.
    let _lifeline = child.stdin.take();
    let deadline = Instant::now() + limits.wall;
    let child = Arc::new(Mutex::new(child));

    thread::scope(|scope| {
        let (finished, wait) = mpsc::sync_channel::<()>(1);
        let watched = Arc::clone(&child);
        let watchdog = scope.spawn(move || watch(&watched, &wait, deadline, reader.is_stopped));
        let listener = scope.spawn(move || ran_out_of_memory(complaints));

        let (known, ending) = listen(output, limits.output_bytes_max, on_event);
        if !matches!(ending, Ending::Said(_) | Ending::Silence) {
            kill(&child);
        }
        let status = end(&child, deadline.min(Instant::now() + END_GRACE));
        drop(finished);
        let killed = watchdog.join().unwrap_or_default();
        let out_of_memory = listener.join().unwrap_or(false);
        conclude(known, ending, &Death { status, killed, out_of_memory })
    })
}

/// Reads what a child has written, believing nothing that makes no sense: [`extract_in_child`] without
/// the child. An output that ends before the child said how it ended is [`Failure::Crashed`].
pub fn read_child_output(
    output: impl Read,
    limits: &Limits,
    on_event: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Summary, Failure> {
    let (known, ending) = listen(output, limits.output_bytes_max, on_event);
    conclude(known, ending, &Death::default())
}

fn spawn(reader: &Reader<'_>, file: &Path, name: &str) -> Result<Child, Failure> {
    let limits = serde_json::to_string(reader.limits).map_err(|_| Failure::Crashed)?;
    Command::new(reader.program)
        .arg(CHILD_COMMAND)
        .arg(file)
        // A zero byte cannot be passed and means nothing in a name.
        .arg(name.replace('\0', ""))
        .arg(limits)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            tracing::error!(kind = ?error.kind(), "document reader could not be started");
            Failure::Crashed
        })
}

/// How the output of the child ended.
enum Ending {
    /// The child said how it ended.
    Said(Result<(), Failure>),
    /// The output ended; how the child ends says why.
    Silence,
    /// The output made no sense.
    Nonsense,
    /// The output exceeded its limit.
    TooMuch,
    /// The caller broke off.
    BrokenOff,
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
    output: impl Read,
    output_bytes_max: u64,
    on_event: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> (Known, Ending) {
    let mut output = BufReader::with_capacity(64 << 10, output);
    let mut known = Known::default();
    let mut line = Vec::new();
    let mut total = 0;
    loop {
        line.clear();
        match output.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(count) if count > 0 => total += count as u64,
            _ => return (known, Ending::Silence),
        }
        if total > output_bytes_max {
            return (known, Ending::TooMuch);
        }
        match serde_json::from_slice(&line) {
            Ok(Line::Done(_)) => return (known, Ending::Said(Ok(()))),
            Ok(Line::Failed(failure)) => return (known, Ending::Said(Err(failure))),
            Ok(Line::News(event)) => {
                known.note(&event);
                if on_event(event).is_break() {
                    return (known, Ending::BrokenOff);
                }
            }
            Err(_) => return (known, Ending::Nonsense),
        }
    }
}

/// Why the watchdog killed a child.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Killed {
    #[default]
    Not,
    TimeOver,
    Stopped,
}

/// How the child ended.
#[derive(Default)]
struct Death {
    status: Option<ExitStatus>,
    killed: Killed,
    out_of_memory: bool,
}

fn conclude(known: Known, ending: Ending, death: &Death) -> Result<Summary, Failure> {
    match ending {
        Ending::Said(outcome) => outcome.and_then(|()| known.summary(true)),
        Ending::BrokenOff => known.summary(false),
        Ending::TooMuch => Err(Failure::TooLarge),
        // The last line of a child that was stopped may be half a line.
        Ending::Silence | Ending::Nonsense if death.killed == Killed::Stopped => {
            known.summary(false)
        }
        Ending::Nonsense => Err(Failure::Crashed),
        Ending::Silence => Err(death.failure()),
    }
}

impl Death {
    fn failure(&self) -> Failure {
        const KILLED: i32 = 9;
        const CPU_TIME_EXCEEDED: i32 = 24;
        let signal = self.status.and_then(|status| status.signal());
        if self.killed == Killed::TimeOver || signal == Some(CPU_TIME_EXCEEDED) {
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

/// Kills the child when its time is over or the reader is stopped.
fn watch(
    child: &Mutex<Child>,
    wait: &mpsc::Receiver<()>,
    deadline: Instant,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Killed {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if wait.recv_timeout(left.min(STOP_INTERVAL)) != Err(RecvTimeoutError::Timeout) {
            return Killed::Not;
        }
        let killed = if is_stopped() {
            Killed::Stopped
        } else if left <= STOP_INTERVAL {
            Killed::TimeOver
        } else {
            continue;
        };
        kill(child);
        return killed;
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
