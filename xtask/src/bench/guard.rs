//! Precision, recall and speed of the search for personal data, and the same sentences given to
//! Microsoft Presidio if asked for. Needs no program of ours: an example of the crate measures.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::report::Report;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// Pinned, so that two runs compare with the same thing.
const PRESIDIO: &str = "presidio-analyzer==2.2.366";

/// `cargo xtask bench guard [--with-presidio]`.
pub fn run(place: &Place, options: &[&str]) -> Outcome {
    let build = ["build", "--release", "--package", "guard", "--example", "measure"];
    shell::run(&mut place.cargo(&build), "Repair the compile error named above.")?;
    let measure = place.target.join("release/examples/measure");
    let mut command = Command::new(&measure);
    command.arg("tables").arg(place.root.join("../shared/data/gesetze"));
    if options.contains(&"--with-presidio") {
        command.arg(presidio(place, &measure)?);
    }
    let report = Report::new("guard");
    let tables = shell::read(&mut command)?;
    report.print_head()?;
    println!("{tables}");
    Ok(())
}

/// Lets Presidio find what it can; the file with its finds.
fn presidio(place: &Place, measure: &PathBuf) -> Outcome<PathBuf> {
    let python = install(place)?;
    let folder = place.target.join("bench/guard");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let sentences = folder.join("sentences.jsonl");
    let text = shell::read(Command::new(measure).arg("export"))?;
    fs::write(&sentences, text).map_err(|error| Failure::file("write", &sentences, &error))?;
    let input =
        File::open(&sentences).map_err(|error| Failure::file("open", &sentences, &error))?;
    let output = Command::new(python)
        .arg(place.root.join("bench/guard/presidio.py"))
        .stdin(Stdio::from(input))
        .output()
        .map_err(|error| Failure::file("start", &folder, &error))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Failure::new(format!("Presidio failed: {told}"), "Repair what it names."));
    }
    println!(
        "▸ Presidio, pattern recognisers only: {} MB/s of processor time",
        told.lines().last().unwrap_or("?")
    );
    let spans = folder.join("presidio.jsonl");
    fs::write(&spans, output.stdout).map_err(|error| Failure::file("write", &spans, &error))?;
    Ok(spans)
}

fn install(place: &Place) -> Outcome<PathBuf> {
    let folder = place.tools().join(PRESIDIO);
    let python = folder.join("bin/python");
    if shell::succeeds(Command::new(&python).args(["-c", "import presidio_analyzer"])) {
        return Ok(python);
    }
    println!("▸ {PRESIDIO} for Python");
    let advice = "Check that Python packages can be installed.";
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), advice)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PRESIDIO]);
    shell::run(&mut pip, advice)?;
    Ok(python)
}
