//! What a call through `/v1` costs, beside nginx as a plain reverse proxy and the LiteLLM proxy.
//!
//! The shared harness does the measuring, with a mock as model server; here the gateways are started
//! one after another and their figures put side by side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::connection::Connection;
use super::installation::Installation;
use super::report::Report;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::{debian, shell};

/// Where the harness starts its mock.
pub(super) const MOCK: &str = "http://127.0.0.1:9100/v1";
/// Where its configurations of nginx and LiteLLM listen.
pub(super) const NGINX: &str = "http://127.0.0.1:9200/v1";
const LITELLM_PORT: &str = "4100";
/// The release whose cost the targets name.
const LITELLM_PINNED: &str = "1.74.4";

/// The rows of the comparison: what, the path to the figure in the harness's result, and how many
/// times nginx's figure ours may be.
const FIGURES: [(&str, &str, Option<f64>); 8] = [
    ("CPU s / 1,000 requests, concurrency 1", "/json/closed loop, 1/gw/cpu_per_1000", Some(2.5)),
    ("CPU s / 1,000 requests, concurrency 32", "/json/closed loop, 32/gw/cpu_per_1000", Some(4.0)),
    (
        "CPU s / 1,000 requests, 64 KiB prompt, concurrency 32",
        "/json/closed loop, 32, 64 KiB prompt/gw/cpu_per_1000",
        Some(3.0),
    ),
    (
        "CPU s / 1,000 chunks, 200 streams at 50 chunks/s",
        "/sse/200 streams, 50 chunks~1s each/gw/cpu_per_1000_chunks",
        Some(2.0),
    ),
    ("p50 µs, concurrency 1", "/json/closed loop, 1/gw/lat/p50", None),
    ("p99 µs, 500 requests/s", "/json/fixed 500~1s/gw/lat/p99", None),
    ("resident MB after start", "/rss_idle", None),
    ("foreign CPU %, concurrency 32", "/json/closed loop, 32/noise", None),
];

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let harness = Harness::build(place)?;
    let direct = harness.measure("direct", &[])?;
    let ours = ours(place, program, &harness)?;
    let nginx = nginx(&harness)?;
    let mut columns = vec![("mock alone", direct), ("Fachwerk", ours), ("nginx", nginx)];
    for version in [LITELLM_PINNED, ""] {
        let (name, figures) = litellm(place, &harness, version)?;
        columns.push((name, figures));
    }
    print(&columns)
}

/// The shared load generator and mock, built for this machine.
pub(super) struct Harness {
    pub folder: PathBuf,
    pub bin: PathBuf,
    pub work: PathBuf,
}

impl Harness {
    pub fn build(place: &Place) -> Outcome<Self> {
        let folder = place.root.join("../shared/bench/gateway");
        if !folder.join("bench.py").is_file() {
            let what = format!("{} is not there", folder.display());
            return Err(Failure::new(
                what,
                "This bench needs the shared harness beside the checkout.",
            ));
        }
        let target = place.target.join("bench/harness");
        let manifest = folder.join("Cargo.toml");
        let mut build = place.cargo(&["build", "--release", "--quiet", "--manifest-path"]);
        build.arg(&manifest).env("CARGO_TARGET_DIR", &target);
        shell::run(&mut build, "The harness must build before anything can be measured.")?;
        let work = place.target.join("bench/gateway");
        fs::create_dir_all(&work).map_err(|error| Failure::file("create", &work, &error))?;
        Ok(Self { folder, bin: target.join("release"), work })
    }

    /// Runs the whole matrix against what `arguments` name and returns the harness's own result.
    fn measure(&self, name: &str, arguments: &[&str]) -> Outcome<Value> {
        let result = self.work.join(format!("{name}.json"));
        // A result of an earlier run must not pass for this one.
        let _ = fs::remove_file(&result);
        let mut command = Command::new("python3");
        command.arg(self.folder.join("bench.py")).args(["--name", name]).arg("--bin");
        command.arg(&self.bin).args(["--conc", "1,32", "--rates", "500", "--flood", "0"]);
        command.arg("--out").arg(&result).args(arguments).current_dir(&self.work);
        shell::run(&mut command, "Read the lines above; is a port of the harness taken?")?;
        let text = fs::read_to_string(&result);
        let text = text.map_err(|error| Failure::file("read", &result, &error))?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("the harness wrote no result: {error}"), "Run it by hand.")
        })
    }
}

fn ours(place: &Place, program: &Path, harness: &Harness) -> Outcome<Value> {
    let config = format!(
        "[log]\nlevel = \"warn\"\n\n[[models]]\nname = \"mock-model\"\npurpose = \"bench\"\n\n\
         [[models.routes]]\nkind = \"openai\"\nbase_url = \"{MOCK}\"\n\
         upstream_model = \"mock-model\"\nplace = \"own\"\nclearance = \"restricted\"\n\
         concurrency = 4096\nprice_input = 1.0\nprice_output = 3.0\n"
    );
    let mut installation = Installation::fresh(place, program, "gateway-ours", &config)?;
    installation.start()?;
    let client = installation.client("bench")?;
    set_limits(&installation.url(""))?;
    let (url, process) = (installation.url("/v1"), installation.process().to_string());
    harness.measure("fachwerk", &["--base-url", &url, "--key", client.key(), "--pid", &process])
}

/// Binds the calls of the bench in every way that there is, by limits that they do not reach.
fn set_limits(url: &str) -> Outcome {
    let mut connection = Connection::to(url)?;
    let session = connection.sign_in("bench@example.org")?;
    let keys = connection.send("GET", "/api/limits/keys", &session, "")?.json();
    let key = keys.pointer("/items/0/id").and_then(Value::as_str).unwrap_or_default();
    let limits = json!({
        "requests_per_minute": 100_000_000_u64, "tokens_per_minute": 100_000_000_000_u64,
        "concurrent": 10_000, "context_tokens": 1_000_000,
        "tokens_per_month": 1_000_000_000_000_u64, "micro_euro_per_month": 1_000_000_000_000_u64,
    });
    for scope in ["tenant", "model:mock-model", &format!("key:{key}")] {
        let path = format!("/api/limits/{scope}");
        connection.send("PUT", &path, &session, &limits.to_string())?;
    }
    Ok(())
}

fn nginx(harness: &Harness) -> Outcome<Value> {
    debian::install(&[debian::NGINX])?;
    let config = harness.folder.join("configs/nginx.conf");
    let command =
        format!("nginx -p {} -c {} -g 'daemon off;'", harness.work.display(), config.display());
    harness.measure("nginx", &["--base-url", NGINX, "--cmd", &command])
}

/// The LiteLLM proxy of a release, or the newest one for an empty `version`, in a Python of its own.
fn litellm(place: &Place, harness: &Harness, version: &str) -> Outcome<(&'static str, Value)> {
    let (name, package) = match version {
        "" => ("LiteLLM, newest", "litellm[proxy]".to_owned()),
        _ => ("LiteLLM 1.74.4", format!("litellm[proxy]=={version}")),
    };
    let folder = place
        .tools()
        .join(format!("litellm-{}", if version.is_empty() { "newest" } else { version }));
    let program = folder.join("bin/litellm");
    if !program.is_file() {
        let advice = "Check that Python packages can be installed.";
        shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), advice)?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", &package]);
        shell::run(&mut pip, advice)?;
    }
    let config = harness.folder.join("configs/litellm.yaml");
    let command = format!(
        "{} --config {} --host 127.0.0.1 --port {LITELLM_PORT}",
        program.display(),
        config.display()
    );
    let url = format!("http://127.0.0.1:{LITELLM_PORT}/v1");
    let arguments = ["--base-url", &url, "--cmd", &command, "--cold-starts", "1"];
    Ok((name, harness.measure(&format!("litellm-{version}"), &arguments)?))
}

fn print(columns: &[(&str, Value)]) -> Outcome {
    Report::new("gateway").print_head()?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    println!("| what | {} | target |", names.join(" | "));
    println!("|---|{}---|", "---:|".repeat(columns.len()));
    for (what, path, times_nginx) in FIGURES {
        let read = |name: &str| {
            let column = columns.iter().find(|(column, _)| *column == name);
            column.and_then(|(_, figures)| figures.pointer(path)?.as_f64())
        };
        let cells: Vec<String> = names.iter().map(|name| cell(read(name))).collect();
        let target = match (times_nginx, read("Fachwerk"), read("nginx")) {
            (Some(times), Some(ours), Some(nginx)) => {
                let mark = if ours <= times * nginx { "reached" } else { "**missed**" };
                format!("at most {times} × nginx, is {:.1} ×: {mark}", ours / nginx)
            }
            _ => "–".to_owned(),
        };
        println!("| {what} | {} | {target} |", cells.join(" | "));
    }
    Ok(())
}

fn cell(figure: Option<f64>) -> String {
    match figure {
        None => "–".to_owned(),
        Some(figure) if figure >= 100.0 => format!("{figure:.0}"),
        Some(figure) if figure >= 1.0 => format!("{figure:.1}"),
        Some(figure) => format!("{figure:.3}"),
    }
}
