//! Many streams at once, at rising speed: what is lost, how much later a chunk arrives than without
//! anybody between, and what a stream takes of memory. nginx as a plain reverse proxy beside it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::gateway::{Harness, MOCK, NGINX};
use super::http::Client;
use super::installation::Installation;
use super::processes::{self, Watch};
use super::report::Report;
use super::spawned::Spawned;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{debian, shell};

const STREAMS: u32 = 2_000;
/// Milliseconds between two chunks of a stream: from 5,000 chunks/s in all to 100,000.
const INTERVALS_MS: [u32; 5] = [400, 200, 100, 40, 20];
/// How long each step is measured, in seconds, and how long it runs before.
const SECONDS: u32 = 12;
const WARM_SECONDS: u32 = 4;
/// Up to this share of the machine's processors the times say something about the gateway.
const BUSY_MAX: f64 = 70.0;
const LATER_MAX_MS: f64 = 5.0;
const STREAM_KB_MAX: u64 = 25;
const IDLE_MB_MAX: u64 = 60;

/// One way to the model.
struct Way<'a> {
    name: &'a str,
    url: &'a str,
    key: &'a str,
    /// Zero: nobody between.
    process: u32,
}

/// What one step of one way gave.
struct Step {
    chunks_per_second: f64,
    /// Streams that ended early, without their end mark, or not at all.
    lost: u64,
    transit_p50_ms: f64,
    transit_p99_ms: f64,
    cpu_per_1000: f64,
    busy_percent: f64,
    peak_kb: u64,
}

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let harness = Harness::build(place)?;
    let _mock = start_mock(&harness)?;
    let config = format!(
        "[log]\nlevel = \"warn\"\n[limits]\nconnections = 16384\nconnections_per_address = 16384\n\
         [[models]]\nname = \"mock-model\"\npurpose = \"bench\"\n[[models.routes]]\n\
         kind = \"openai\"\nbase_url = \"{MOCK}\"\nupstream_model = \"mock-model\"\n\
         place = \"own\"\nclearance = \"restricted\"\nconcurrency = 10000\nprice_input = 1.0\n\
         price_output = 3.0\n"
    );
    let mut installation = Installation::fresh(place, program, "streams", &config)?;
    installation.start()?;
    let client = installation.client("bench")?;
    let nginx = start_nginx(&harness)?;
    let (ours, own) = (installation.url("/v1"), installation.process());
    sleep(Duration::from_secs(3));
    let idle_kb = processes::field_kb(own, "VmRSS:");
    let ways = [
        Way { name: "nobody between", url: MOCK, key: "sk-bench", process: 0 },
        Way { name: "nginx", url: NGINX, key: "sk-bench", process: nginx.process() },
        Way { name: "Fachwerk", url: &ours, key: client.key(), process: own },
    ];
    let mut measured = Vec::new();
    for interval in INTERVALS_MS {
        for way in &ways {
            let step = measure(&harness, way, interval)?;
            println!("  {interval} ms, {}: {:.0} chunks/s", way.name, step.chunks_per_second);
            measured.push((interval, way.name, step));
        }
    }
    print(&measured, idle_kb)
}

fn start_mock(harness: &Harness) -> Outcome<Spawned> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new(harness.bin.join("mock"));
    command.args(["--port", "9100", "--threads", if cores > 4 { "4" } else { "1" }]);
    let mock = Spawned::start(&mut command)?;
    wait_for("127.0.0.1:9100")?;
    Ok(mock)
}

fn start_nginx(harness: &Harness) -> Outcome<Spawned> {
    debian::install(&[debian::NGINX])?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&harness.work).arg("-c").arg(harness.folder.join("configs/nginx.conf"));
    let nginx = Spawned::start(command.args(["-g", "daemon off;"]))?;
    wait_for("127.0.0.1:9200")?;
    Ok(nginx)
}

pub(super) fn wait_for(address: &str) -> Outcome {
    let begun = Instant::now();
    while Client::new(address, "").get("/").is_err() {
        if begun.elapsed() > Duration::from_secs(10) {
            return Err(Failure::new(
                format!("nobody answers at {address}"),
                "Is the port taken by another program?",
            ));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn measure(harness: &Harness, way: &Way<'_>, interval: u32) -> Outcome<Step> {
    let mut load = Command::new(harness.bin.join("load"));
    load.args(["--url", way.url, "--key", way.key, "--model", "mock-model", "--mode", "sse"]);
    // Streams of about four seconds each, so that beginnings and ends are measured too.
    let chunks = (4_000 / interval).max(10);
    for (name, value) in [
        ("--conc", STREAMS),
        ("--chunks", chunks),
        ("--interval-ms", interval),
        ("--secs", SECONDS),
        ("--warm-secs", WARM_SECONDS),
        ("--timeout-secs", 60),
    ] {
        load.args([name, &value.to_string()]);
    }
    let watch = (way.process > 0).then(|| Watch::begin(way.process));
    let (cpu, busy, begun) = (processor_time(way.process), busy_ticks(), Instant::now());
    let out = shell::read(&mut load)?;
    let (wall, busy) = (begun.elapsed(), busy_ticks() - busy);
    let cpu = processor_time(way.process).saturating_sub(cpu);
    let result: Value = serde_json::from_str(&out).map_err(|error| {
        Failure::new(format!("the load generator wrote no result: {error}"), "Run it by hand.")
    })?;
    let figure = |path: &str| result.pointer(path).and_then(Value::as_f64).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let chunks_per_second = figure("/chunks_s");
    let all_chunks = chunks_per_second * wall.as_secs_f64();
    Ok(Step {
        chunks_per_second,
        lost: (figure("/streams_short") + figure("/errors")) as u64,
        transit_p50_ms: figure("/transit/p50") / 1_000.0,
        transit_p99_ms: figure("/transit/p99") / 1_000.0,
        cpu_per_1000: cpu.as_secs_f64() / all_chunks.max(1.0) * 1_000.0,
        busy_percent: busy as f64 / wall.as_secs_f64() / cores,
        peak_kb: watch.map_or(0, |watch| watch.peak_mb() * 1_024),
    })
}

/// Of a process and everything it started.
fn processor_time(process: u32) -> Duration {
    if process == 0 {
        return Duration::ZERO;
    }
    processes::tree(process).into_iter().map(processes::processor_time).sum()
}

/// Hundredths of a second that the machine's processors have worked, whoever for.
fn busy_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = |line: &str| -> Vec<u64> {
        line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect()
    };
    // User, nice, system, idle, waiting, two kinds of interrupts, stolen.
    stat.lines().next().map(ticks).map_or(0, |all| {
        all.iter().take(8).enumerate().filter(|(n, _)| *n != 3 && *n != 4).map(|(_, t)| t).sum()
    })
}

fn print(measured: &[(u32, &str, Step)], idle_kb: u64) -> Outcome {
    let mut report = Report::new("streams");
    report.print_head()?;
    println!(
        "| {STREAMS} streams, chunks/s wanted | way | chunks/s | short or lost streams | transit p50 ms \
         | p99 ms | CPU s / 1,000 chunks | machine busy % |\n|---:|---|---:|---:|---:|---:|---:|---:|"
    );
    for (interval, name, step) in measured {
        println!(
            "| {} | {name} | {:.0} | {} | {:.2} | {:.2} | {:.4} | {:.0} |",
            STREAMS * 1_000 / interval,
            step.chunks_per_second,
            step.lost,
            step.transit_p50_ms,
            step.transit_p99_ms,
            step.cpu_per_1000,
            step.busy_percent
        );
    }
    println!();
    let of = |name: &'static str| measured.iter().filter(move |(_, way, _)| *way == name);
    let lost: u64 = of("Fachwerk").map(|(_, _, step)| step.lost).sum();
    report.judge("short or lost streams", &lost.to_string(), "none", lost == 0);
    // The fastest step at which the machine still has time left.
    let fit = of("Fachwerk").rfind(|(_, _, step)| step.busy_percent < BUSY_MAX);
    match fit {
        Some((interval, _, step)) => {
            let bare = of("nobody between").find(|(other, _, _)| other == interval);
            let bare = bare.map_or(0.0, |(_, _, bare)| bare.transit_p99_ms);
            let later = step.transit_p99_ms - bare;
            let what = format!("added p99 of a chunk at {} chunks/s", STREAMS * 1_000 / interval);
            let seen = format!("{later:.2} ms, machine {:.0} % busy", step.busy_percent);
            report.judge(&what, &seen, "at most 5 ms below 70 %", later <= LATER_MAX_MS);
        }
        None => report.tell("added p99 of a chunk", "the machine was never below 70 %"),
    }
    let peak_kb = of("Fachwerk").map(|(_, _, step)| step.peak_kb).max().unwrap_or_default();
    let each = peak_kb.saturating_sub(idle_kb) / u64::from(STREAMS);
    let what = "memory of a stream, at the peak";
    report.judge(what, &format!("{each} KB"), "at most 25 KB", each <= STREAM_KB_MAX);
    let idle_mb = idle_kb / 1_024;
    report.judge("idle", &format!("{idle_mb} MB"), "under 60 MB", idle_mb < IDLE_MB_MAX);
    report.print_rows();
    Ok(())
}
