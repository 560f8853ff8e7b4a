//! The fault drill: what breaks around the program, one case after the other, and what has to come
//! of it. The real binary runs as a process; models, databases and callers speak on sockets. Nothing
//! may hang, leak (memory, files, places), be charged twice or go where it must not.
//!
//! The tests are the short variants. `cargo xtask drill` runs the long ones, by `FACHWERK_DRILL=long`,
//! and puts what they report into a table. Other faults have tests of their own: `operation` (stop and
//! kill), `connections` (callers), `gateway`'s `failures`, `limits` and `resilience` (fallback, breaker,
//! waiting), `store`'s `ledger` and `kill`.

mod callers;
mod database;
mod machine;
mod models;
mod proxy;
mod upstream;

use std::{
    env, fs,
    time::{Duration, Instant},
};

use domain::Instant as Since;
use serde_json::{Value, json};
use store::{Location, Store, UsageTotal};

use crate::process::{Caller, Installation, Running};

pub const PASSWORD: &str = "korrekt pferd batterie";
/// What an answer of the good model costs, in nano-euro: see [`upstream`] and [`config`].
const COST: u64 = 1_000 * (10 + 3 * 2);
/// Memory that may stay behind after a case, in kB: allocators keep some, and debug builds more.
const KEPT_KB: u64 = 96 << 10;

/// Whether the long variants were asked for.
pub fn is_long() -> bool {
    env::var("FACHWERK_DRILL").is_ok_and(|variant| variant == "long")
}

/// The value for the short or the long variant.
pub fn scaled<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// A line of the table: what broke, what had to come of it, and what was seen.
#[expect(clippy::print_stdout, reason = "the table of the drill is made of these lines")]
pub fn report(case: &str, expected: &str, seen: &str) {
    println!("\ndrill | {case} | {expected} | {seen}");
}

/// The routes of a model: `address` may receive everything, `forbidden` only what is open.
pub fn model(name: &str, address: &str, forbidden: &str) -> String {
    format!(
        "[[models]]\nname = \"{name}\"\npurpose = \"Probe\"\nqueue_seconds = 2\n\
         [[models.routes]]\nkind = \"openai\"\nbase_url = \"{address}\"\nupstream_model = \"m\"\n\
         place = \"own\"\nclearance = \"restricted\"\nconcurrency = 64\nprice_input = 1.0\n\
         price_output = 2.0\nfirst_byte_seconds = 3\nidle_seconds = 2\ntotal_seconds = 12\n\
         [[models.routes]]\nkind = \"openai\"\nbase_url = \"{forbidden}\"\nupstream_model = \"m\"\n\
         place = \"elsewhere\"\nclearance = \"open\"\n"
    )
}

pub fn question(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "messages": [{"role": "user", "content": "Guten Tag"}],
    })
}

/// What came of a question.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub text: String,
    pub took: Duration,
}

impl Answered {
    /// Whether it looks like a whole answer to the caller.
    pub fn is_complete(&self, stream: bool) -> bool {
        let end = if stream { "[DONE]" } else { "\"choices\"" };
        self.status == 200 && self.text.contains(end) && !self.text.contains("\"error\"")
    }

    /// What the caller was told: the status, and the code of the error.
    pub fn told(&self) -> String {
        let code = self.text.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        format!("{} {}", self.status, code.unwrap_or("without a code"))
    }
}

/// Asks and reads to the end, wherever that is.
pub async fn ask(caller: &Caller, model: &str, stream: bool) -> Answered {
    let begun = Instant::now();
    let sent = caller.post_request("/v1/chat/completions", &question(model, stream)).send().await;
    let Ok(mut response) = sent else {
        return Answered { status: 0, text: String::new(), took: begun.elapsed() };
    };
    let mut bytes = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answered { status: response.status().as_u16(), text, took: begun.elapsed() }
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub struct Vitals {
    pub files: usize,
    pub resident_kb: u64,
}

impl Vitals {
    pub fn of(running: &Running) -> Self {
        let process = running.id();
        let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident_kb = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { files, resident_kb }
    }
}

/// Waits until the process holds no more than before, and all places and lines are empty.
pub async fn recovered(running: &Running, caller: &Caller, before: Vitals) -> String {
    let begun = Instant::now();
    loop {
        let now = Vitals::of(running);
        let metrics = caller.metrics().await;
        let held = sum(&metrics, "fachwerk_gateway_in_flight{");
        let queued = sum(&metrics, "fachwerk_gateway_queue_length{");
        // A few connections to models and to the database are kept for the next caller.
        let is_well = held + queued == 0.0
            && now.files <= before.files + 16
            && now.resident_kb <= before.resident_kb + KEPT_KB;
        if is_well {
            let kept = now.resident_kb.saturating_sub(before.resident_kb) / 1_024;
            return format!(
                "0 places held, {} files more, {kept} MB more",
                now.files.saturating_sub(before.files)
            );
        }
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "before {before:?}, now {now:?}, {held} in flight, {queued} queued"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The sum of all values of a measurement, whatever their labels.
fn sum(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// The database of an installation, read past the running process.
pub async fn open_store(location: &Location) -> Store {
    Store::open(location).await.unwrap()
}

pub fn embedded(installation: &Installation) -> Location {
    Location::Sqlite(installation.data().join("fachwerk.db"))
}

/// What all calls so far have used, as the database has it.
pub async fn used(store: &Store) -> UsageTotal {
    let tenant = store.tenants().await.unwrap().remove(0).id;
    store.usage_since(tenant, Since::from_micros(0)).await.unwrap()
}

/// Waits until the database knows of so many calls; it must never know of more.
pub async fn charged(store: &Store, calls: u64) -> UsageTotal {
    let begun = Instant::now();
    loop {
        let now = used(store).await;
        assert!(now.calls <= calls, "{} calls were charged instead of {calls}", now.calls);
        if now.calls == calls {
            return now;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{now:?} instead of {calls} calls");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
