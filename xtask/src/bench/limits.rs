//! What four processes on one PostgreSQL let through of a limit that they share, while all of them are
//! asked more than it allows, one of them as much as the other three together.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::connection::Connection;
use super::installation::Installation;
use super::postgres::Postgres;
use super::quick_model::{ANSWER_TOKENS, PROMPT_TOKENS, QuickModel};
use super::report::{Report, milliseconds, percentile};
use crate::failure::{Failure, Outcome};
use crate::place::Place;

/// Callers of each process.
const CALLERS: [usize; 4] = [6, 2, 2, 2];
/// So far from the limit may it be what all let through.
const ERROR_PERCENT_MAX: f64 = 2.0;
/// Nobody gets an answer for so long: the limit is used up.
const QUIET: Duration = Duration::from_secs(8);
/// Longest time for one limit, within one minute of the clock for rates.
const TIME_MAX: Duration = Duration::from_secs(50);
/// Pause of a caller who was refused.
const PAUSE: Duration = Duration::from_millis(100);
/// What one answer takes, in tokens and in millionths of a euro at a euro for a million tokens.
const EACH: u64 = PROMPT_TOKENS + ANSWER_TOKENS;

/// A limit that is measured.
struct Case {
    what: &'static str,
    /// The field of the limit.
    field: &'static str,
    limit: u64,
    /// What one answer takes of it.
    each: u64,
    /// Whether it begins anew with each minute.
    is_rate: bool,
    /// Whether callers say how long answers may become.
    is_bounded: bool,
}

const CASES: [Case; 4] = [
    Case {
        what: "requests per minute",
        field: "requests_per_minute",
        limit: 3_000,
        each: 1,
        is_rate: true,
        is_bounded: true,
    },
    Case {
        what: "tokens per minute, answers bounded by the caller",
        field: "tokens_per_minute",
        limit: 3_000 * EACH,
        each: EACH,
        is_rate: true,
        is_bounded: true,
    },
    Case {
        what: "tokens per month, answers of any length",
        field: "tokens_per_month",
        limit: 3_000 * EACH,
        each: EACH,
        is_rate: false,
        is_bounded: false,
    },
    Case {
        what: "euro per month, answers of any length",
        field: "micro_euro_per_month",
        limit: 3_000 * EACH,
        each: EACH,
        is_rate: false,
        is_bounded: false,
    },
];

/// What came of one limit.
struct Measured {
    let_through: u64,
    took: Duration,
    /// How long answers took that were given.
    times: Vec<Duration>,
}

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let (database, model) = (Postgres::start()?, QuickModel::start()?);
    let models: String = (0..CASES.len()).map(|number| route(number, &model)).collect();
    let config =
        format!("database_url = \"{}\"\n[log]\nlevel = \"warn\"\n{models}", database.url());
    // Whoever only answers requests finds folder and tables made.
    let mut house = Installation::fresh(place, program, "limits", &config)?;
    house.start()?;
    let key = house.client("bench")?.key().to_owned();
    house.stop()?;
    let mut processes = Vec::new();
    for _ in CALLERS {
        let mut process = house.beside("api")?;
        process.start()?;
        processes.push(process);
    }
    let mut report = Report::new("limits");
    report.print_head()?;
    for (number, case) in CASES.iter().enumerate() {
        set_limit(&processes[0], number, case)?;
        // Other processes look every two seconds whether limits have changed.
        sleep(Duration::from_secs(3));
        if case.is_rate {
            begin_of_minute();
        }
        let before = model.answered();
        let mut measured = measure(&processes, &key, number, case)?;
        measured.let_through = (model.answered() - before) * case.each;
        judge(&mut report, case, &measured);
    }
    report.print_rows();
    Ok(())
}

fn route(number: usize, model: &QuickModel) -> String {
    format!(
        "[[models]]\nname = \"m{number}\"\npurpose = \"bench\"\n[[models.routes]]\n\
         kind = \"openai\"\nbase_url = \"{}\"\nupstream_model = \"m\"\nplace = \"own\"\n\
         clearance = \"restricted\"\nconcurrency = 64\nprice_input = 1.0\nprice_output = 1.0\n",
        model.base_url()
    )
}

fn set_limit(process: &Installation, number: usize, case: &Case) -> Outcome {
    let mut connection = Connection::to(&process.url(""))?;
    let session = connection.sign_in("bench@example.org")?;
    let path = format!("/api/limits/model:m{number}");
    let limit = json!({ case.field: case.limit }).to_string();
    connection.send("PUT", &path, &session, &limit).map(|_| ())
}

/// Waits for the first seconds of a minute of the clock.
fn begin_of_minute() {
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |at| at.as_secs() % 60);
    while second() > 2 {
        sleep(Duration::from_millis(50));
    }
}

/// Asks all processes until nothing is let through any more.
fn measure(processes: &[Installation], key: &str, number: usize, case: &Case) -> Outcome<Measured> {
    let begun = Instant::now();
    let (is_over, last) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut body = json!({"model": format!("m{number}"),
        "messages": [{"role": "user", "content": "Guten Tag"}]});
    if case.is_bounded {
        body["max_tokens"] = Value::from(ANSWER_TOKENS);
    }
    let (headers, body) = (format!("authorization: Bearer {key}\r\n"), body.to_string());
    let ask = |url: String| -> Outcome<Vec<Duration>> {
        let (mut connection, mut times) = (Connection::to(&url)?, Vec::new());
        while !is_over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            match connection.status_of_post("/v1/chat/completions", &headers, &body)? {
                200 => {
                    times.push(asked.elapsed());
                    let now = begun.elapsed().as_millis() as u64;
                    last.fetch_max(now, Ordering::Relaxed);
                }
                429 => sleep(PAUSE),
                other => {
                    let what = format!("a call was answered with {other}");
                    return Err(Failure::new(what, "Look into the bench's log."));
                }
            }
        }
        Ok(times)
    };
    thread::scope(|scope| {
        let ask = &ask;
        let callers = processes.iter().zip(CALLERS).flat_map(|(process, callers)| {
            (0..callers).map(move |_| scope.spawn(move || ask(process.url(""))))
        });
        let callers: Vec<_> = callers.collect();
        let quiet = || begun.elapsed() - Duration::from_millis(last.load(Ordering::Relaxed));
        while quiet() < QUIET && begun.elapsed() < TIME_MAX {
            sleep(PAUSE);
        }
        is_over.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for caller in callers {
            let asked = caller.join().map_err(|_| Failure::new("a caller broke off", "Again."))?;
            times.extend(asked?);
        }
        let took = Duration::from_millis(last.load(Ordering::Relaxed));
        Ok(Measured { let_through: 0, took, times })
    })
}

fn judge(report: &mut Report, case: &Case, measured: &Measured) {
    let (limit, let_through) = (case.limit as f64, measured.let_through as f64);
    let error = (let_through - limit) / limit * 100.0;
    let seen = format!(
        "{} of {} ({error:+.2} %), the last after {:.1} s; a call takes {} (p50), {} (p99)",
        measured.let_through,
        case.limit,
        measured.took.as_secs_f64(),
        milliseconds(percentile(&measured.times, 50)),
        milliseconds(percentile(&measured.times, 99)),
    );
    let target = "within 2 %";
    report.judge(case.what, &seen, target, error.abs() < ERROR_PERCENT_MAX);
}
