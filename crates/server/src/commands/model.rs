//! `fachwerk model check`: whether a file with weights will run here, what it needs and how fast it is.

use std::{fs, path::Path, time::Duration};

use infer::local::{Facts, LoadError, ModelFile, Need, Speed, measure, read_head};
use serde_json::{Value, json};

use super::{Failure, Outcome, print};
use crate::{cli::CheckModel, wiring::causes};

/// How long the writing of an answer is measured.
const MEASURE: Duration = Duration::from_secs(5);
/// The context that is looked at if nobody asks for one, in tokens, as for a route.
const CONTEXT_TOKENS: usize = 4_096;
const MB: u64 = 1_000_000;

/// What was found out, as far as it went.
#[derive(Default)]
struct Report {
    facts: Option<Facts>,
    context: Option<usize>,
    need: Option<Need>,
    free: Option<u64>,
    speed: Option<Speed>,
    obstacle: Option<String>,
}

pub(super) fn check(asked: &CheckModel) -> Outcome {
    let mut report = Report { free: free_memory(), ..Report::default() };
    match look(asked, &mut report) {
        Err(error) => report.obstacle = Some(causes(&error)),
        Ok(most) => {
            let asked = asked.context.filter(|asked| *asked > most);
            let too_long =
                |asked| format!("it was made for at most {most} tokens, not for {asked}");
            report.obstacle = asked.map(too_long);
        }
    }
    if asked.json {
        print(&format!("{:#}\n", report.json(&asked.file)))?;
    } else {
        print(&report.lines(&asked.file))?;
    }
    match report.obstacle {
        None => Ok(()),
        Some(obstacle) => Err(Failure::other(format!("the model will not run: {obstacle}"))),
    }
}

/// Reads the file and measures; gives the longest context that it was made for, in tokens.
fn look(asked: &CheckModel, report: &mut Report) -> Result<usize, LoadError> {
    let head = read_head(&asked.file)?;
    report.facts = Some(Facts::of(&head));
    let file = ModelFile::of(&asked.file, head)?;
    let most = file.context_max();
    let context = asked.context.unwrap_or(CONTEXT_TOKENS).min(most);
    report.context = Some(context);
    report.need = Some(file.need(context, 1));
    if let Some(free) = report.free {
        file.check_memory(context, 1, free)?;
    }
    let model = file.load(context)?;
    report.speed = Some(measure(&model, MEASURE)?);
    Ok(most)
}

/// Memory that is free on this machine, in bytes, as Linux estimates it.
fn free_memory() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1_024)
}

impl Report {
    fn lines(&self, file: &Path) -> String {
        let mut lines = vec![("File", file.display().to_string())];
        if let Some(facts) = &self.facts {
            let or_none = |text: &str| if text.is_empty() { "none" } else { text }.to_owned();
            let (million, kind) = (facts.parameters / 1_000_000, &facts.quantisation);
            let most = facts.context.map_or("unknown".to_owned(), |most| most.to_string());
            lines.extend([
                ("Name", or_none(&facts.name)),
                ("Architecture", or_none(&facts.architecture)),
                ("Parameters", format!("{million} million, most of them {kind}")),
                (
                    "Tokenizer",
                    format!("{}, {} tokens", or_none(&facts.tokenizer), facts.vocabulary),
                ),
                ("Chat template", if facts.has_template { "yes" } else { "no" }.to_owned()),
                (
                    "Context",
                    match self.context {
                        Some(context) => format!("{context} of {most} tokens"),
                        None => format!("{most} tokens"),
                    },
                ),
            ]);
        }
        if let Some(need) = self.need {
            let mb = |bytes: u64| bytes.div_ceil(MB);
            let parts = (mb(need.weights), mb(need.contexts), mb(need.buffers));
            lines.push((
                "Memory",
                format!(
                    "{} MB: weights {} MB, context {} MB, buffers {} MB",
                    mb(need.total()),
                    parts.0,
                    parts.1,
                    parts.2,
                ),
            ));
        }
        if let Some(free) = self.free {
            lines.push(("Free here", format!("{} MB", free / MB)));
        }
        if let Some(speed) = self.speed {
            let (reading, writing) = (speed.reading, speed.writing);
            lines.push((
                "Speed",
                format!("reads {reading:.0} and writes {writing:.1} tokens a second"),
            ));
        }
        let mut text: String =
            lines.iter().map(|(name, value)| format!("{name:<14} {value}\n")).collect();
        if self.obstacle.is_none() {
            text.push_str("The model will run.\n");
        }
        text
    }

    fn json(&self, file: &Path) -> Value {
        json!({
            "file": file.display().to_string(),
            "will_run": self.obstacle.is_none(),
            "obstacle": self.obstacle,
            "name": self.facts.as_ref().map(|facts| &facts.name),
            "architecture": self.facts.as_ref().map(|facts| &facts.architecture),
            "parameters": self.facts.as_ref().map(|facts| facts.parameters),
            "quantisation": self.facts.as_ref().map(|facts| &facts.quantisation),
            "tokenizer": self.facts.as_ref().map(|facts| &facts.tokenizer),
            "vocabulary": self.facts.as_ref().map(|facts| facts.vocabulary),
            "chat_template": self.facts.as_ref().map(|facts| facts.has_template),
            "context_max": self.facts.as_ref().and_then(|facts| facts.context),
            "context": self.context,
            "memory_bytes": self.need.map(|need| json!({
                "weights": need.weights,
                "contexts": need.contexts,
                "buffers": need.buffers,
                "total": need.total(),
            })),
            "free_bytes": self.free,
            "tokens_per_second": self.speed.map(|speed| json!({
                "reading": speed.reading,
                "writing": speed.writing,
            })),
        })
    }
}
