//! What a call costs while the installation grows: as many keys, units and routes in each, all of them
//! in use. The installations run side by side and take turns, so that noise meets them alike.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::connection::Connection;
use super::gateway::{Harness, MOCK};
use super::http::{Client, lost};
use super::installation::{Installation, PASSWORD};
use super::processes;
use super::report::Report;
use super::spawned::Spawned;
use super::streams::wait_for;
use crate::failure::{Failure, Outcome};
use crate::place::Place;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// Turns of each installation, and calls in a turn.
const ROUNDS: usize = 12;
const CALLS: usize = 1_000;
/// Callers at the same time while the installation is filled.
const FILLERS: usize = 8;
/// Keys of one person; the program refuses more than some.
const KEYS_EACH: usize = 50;
/// So much more than the smallest may a call cost in a larger installation.
const MORE_MAX: f64 = 1.10;
/// What is left to do after the last answer: usage is moved to the database in batches.
const REST: Duration = Duration::from_millis(1_500);

/// An installation of one size.
struct Grown {
    size: usize,
    installation: Installation,
    admin: Client,
    /// The header lines of the administrator in a browser.
    session: String,
    keys: Vec<String>,
    ready: Duration,
    /// Calls so far; chooses whose turn it is.
    calls: usize,
    cpu: Duration,
    measured: usize,
}

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let harness = Harness::build(place)?;
    let mut mock = Command::new(harness.bin.join("mock"));
    let _mock = Spawned::start(mock.args(["--port", "9100"]))?;
    wait_for("127.0.0.1:9100")?;
    let mut all = Vec::new();
    for size in SIZES {
        let begun = Instant::now();
        let mut grown = Grown::of(place, program, size)?;
        // Everybody calls once, so that whatever is kept by key or by route is there.
        grown.turn(size.max(CALLS))?;
        println!("  {size} keys, units and routes in {:.1} s", begun.elapsed().as_secs_f64());
        all.push(grown);
    }
    for _ in 0..ROUNDS {
        for grown in &mut all {
            let before = processes::processor_time(grown.installation.process());
            grown.turn(CALLS)?;
            thread::sleep(REST);
            grown.cpu += processes::processor_time(grown.installation.process()) - before;
            grown.measured += CALLS;
        }
    }
    print(&all)
}

impl Grown {
    fn of(place: &Place, program: &Path, size: usize) -> Outcome<Self> {
        let models: String = (0..size).map(model).collect();
        let config = format!("[log]\nlevel = \"warn\"\n{models}");
        let name = format!("growth-{size}");
        let mut installation = Installation::fresh(place, program, &name, &config)?;
        let ready = installation.start()?;
        let admin = installation.client("bench")?;
        let session = Connection::to(&installation.url(""))?.sign_in("bench@example.org")?;
        let keys = fill(&installation, &session, size)?;
        let (calls, cpu, measured) = (0, Duration::ZERO, 0);
        Ok(Self { size, installation, admin, session, keys, ready, calls, cpu, measured })
    }

    /// Lets the next callers call, each with a key and a model of their own.
    fn turn(&mut self, calls: usize) -> Outcome {
        let mut connection = Connection::to(&self.installation.url(""))?;
        for _ in 0..calls {
            let key = &self.keys[self.calls % self.keys.len()];
            ask(&mut connection, key, &format!("m{}", self.calls % self.size))?;
            self.calls += 1;
        }
        Ok(())
    }

    fn cpu_per_1000(&self) -> f64 {
        self.cpu.as_secs_f64() / self.measured.max(1) as f64 * 1_000.0
    }

    /// How long the live page takes, which tells about everything.
    fn time_of_status(&self) -> Outcome<f64> {
        let mut connection = Connection::to(&self.installation.url(""))?;
        let begun = Instant::now();
        connection.send("GET", "/api/gateway/status", &self.session, "")?;
        Ok(begun.elapsed().as_secs_f64() * 1_000.0)
    }

    /// How long a list for programs takes.
    fn time_of(&self, path: &str) -> Outcome<f64> {
        let begun = Instant::now();
        self.admin.get(path).map_err(|error| lost(&error))?.expect(200, path)?;
        Ok(begun.elapsed().as_secs_f64() * 1_000.0)
    }
}

fn model(number: usize) -> String {
    format!(
        "[[models]]\nname = \"m{number}\"\npurpose = \"bench\"\n[[models.routes]]\n\
         kind = \"openai\"\nbase_url = \"{MOCK}\"\nupstream_model = \"mock-model\"\n\
         place = \"own\"\nclearance = \"restricted\"\nprice_input = 1.0\nprice_output = 3.0\n"
    )
}

fn ask(connection: &mut Connection, key: &str, model: &str) -> Outcome {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Guten Tag"}]});
    let key = format!("authorization: Bearer {key}\r\n");
    connection.post("/v1/chat/completions", &key, &body).map(|_| ())
}

/// Makes units, people and their keys through the interface, several at a time; returns the keys.
fn fill(installation: &Installation, admin: &str, size: usize) -> Outcome<Vec<String>> {
    let url = installation.url("");
    let fill = |filler: usize| -> Outcome<Vec<String>> {
        let mut connection = Connection::to(&url)?;
        let mut keys = Vec::new();
        for first in (filler * KEYS_EACH..size).step_by(FILLERS * KEYS_EACH) {
            let email = format!("amt{first}@example.org");
            let person = json!({"name": email, "email": email, "role": "member",
                "password": PASSWORD});
            connection.post("/api/users", admin, &person)?;
            let session = connection.sign_in(&email)?;
            for number in first..size.min(first + KEYS_EACH) {
                let unit = json!({ "name": format!("Referat {number}") });
                connection.post("/api/units", admin, &unit)?;
                let key = json!({"name": format!("Verfahren {number}"), "scopes": ["models"]});
                let made = connection.post("/api/keys", &session, &key)?.json();
                keys.push(made["key"].as_str().unwrap_or_default().to_owned());
            }
        }
        Ok(keys)
    };
    thread::scope(|scope| {
        let fill = &fill;
        let fillers: Vec<_> = (0..FILLERS).map(|n| scope.spawn(move || fill(n))).collect();
        let mut keys = Vec::new();
        for filler in fillers {
            let filled = filler.join().map_err(|_| Failure::new("filling broke off", "Again."))?;
            keys.extend(filled?);
        }
        Ok(keys)
    })
}

fn print(all: &[Grown]) -> Outcome {
    let mut report = Report::new("growth");
    report.print_head()?;
    println!(
        "| keys, units, routes | CPU s / 1,000 calls | times the smallest | ready ms | resident MB | \
         /v1/models ms | status ms | /metrics ms |\n|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    let smallest = all.first().map_or(1.0, Grown::cpu_per_1000);
    for grown in all {
        let cost = grown.cpu_per_1000();
        let times = cost / smallest;
        println!(
            "| {} | {cost:.3} | {times:.2} | {:.0} | {} | {:.1} | {:.1} | {:.1} |",
            grown.size,
            grown.ready.as_secs_f64() * 1_000.0,
            processes::field_kb(grown.installation.process(), "VmRSS:") / 1_024,
            grown.time_of("/v1/models")?,
            grown.time_of_status()?,
            grown.time_of("/metrics")?,
        );
        let what = format!("a call with {} of each", grown.size);
        let seen = format!("{times:.2} times");
        report.judge(&what, &seen, "at most 1.10 times the smallest", times <= MORE_MAX);
    }
    println!();
    report.print_rows();
    Ok(())
}
