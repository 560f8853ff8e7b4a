//! What becomes of each field in each dialect, found out by encoding a request with it and one
//! without.

mod chat;
mod inbound;
mod vectors;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::Dialect;

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It goes on as it came.
    Passed,
    /// It goes on in the words of the other side.
    Translated,
    /// The request is refused, naming the field.
    Refused,
    /// The request goes on without it: a hint that changes nothing in the answer.
    Ignored,
}

impl Outcome {
    /// The word in the table.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Translated => "translated",
            Self::Refused => "**refused**",
            Self::Ignored => "ignored",
        }
    }
}

/// A field, and what becomes of it in each column of its table.
pub type Row = (&'static str, Vec<Outcome>);

/// One table: the names of its columns and its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the table is about.
    pub title: &'static str,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with one outcome per column.
    pub rows: Vec<Row>,
}

/// All tables.
#[must_use]
pub fn tables() -> Vec<Table> {
    vec![
        chat::table(),
        vectors::embedding(),
        vectors::rerank(),
        inbound::messages(),
        inbound::messages_on_the_way(),
        inbound::responses(),
    ]
}

/// The page for operators, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = PREFACE.to_owned();
    for table in tables() {
        write(&table, &mut page);
    }
    page
}

const PREFACE: &str = "# What each interface and each provider can do

<!-- Generated from crates/llm/src/compatibility.rs; `UPDATE_EXPECT=1 cargo test -p llm generated` writes it anew. -->

Clients speak OpenAI or Anthropic to Fachwerk; model servers speak one of the dialects below. Each entry was found out by encoding a
request with the field and one without, or by asking a model inside which fields it acts on:

- **passed**: the field goes on as it came.
- **translated**: it goes on in the words of the other side.
- **refused**: the request is answered with status 400 that names the field. Nothing is dropped silently.
- **ignored**: a hint that changes nothing in the answer (who asks, what is stored or cached) goes no further.

A field that stands in no table is passed to servers that speak OpenAI and refused by its name everywhere else; the same holds for fields
inside others, which are refused by their path. A value that asks for
nothing (`n: 1`, `logprobs: false`, `response_format: text`) is never refused. *Passed* says what Fachwerk does; whether a model then
follows is up to the server, which refuses in its own words.

What has no place of its own goes on as text: the name of a file before the file (Gemini; of a picture everywhere), what `/v1/messages` says of a document before the
document, and `Error:` before the result of a tool that failed (OpenAI's interface, Ollama). Names of features in `anthropic-beta` go to Anthropic and to
Anthropic's models on Bedrock, and to nobody else; what one of them costs more than the price of the route says is not known here.

Rows about tools are tried beside a tool, so a model inside refuses them with it; `parallel_tool_calls` alone it ignores. Models on Bedrock differ by their
maker, and the column is about Anthropic's: models of others refuse `top_k`, and also `reasoning_effort` and `thinking` with a budget unless they are OpenAI's.
";

/// Writes a table, with one column for all that are alike.
fn write(table: &Table, page: &mut String) {
    let column = |index: usize| table.rows.iter().map(move |(_, outcomes)| outcomes[index]);
    let mut groups: Vec<(usize, Vec<&str>)> = Vec::new();
    for (index, name) in table.columns.iter().enumerate() {
        match groups.iter_mut().find(|(first, _)| column(*first).eq(column(index))) {
            Some((_, names)) => names.push(name),
            None => groups.push((index, vec![name])),
        }
    }
    let mut line = |text: String| writeln!(page, "{text}").expect("a String takes any text");
    line(format!("\n## {}\n", table.title));
    let names: Vec<String> = groups.iter().map(|(_, names)| names.join(", ")).collect();
    line(format!("| field | {} |", names.join(" | ")));
    line(format!("|---|{}", "---|".repeat(groups.len())));
    for (field, outcomes) in &table.rows {
        let cells: Vec<_> = groups.iter().map(|(index, _)| outcomes[*index].code()).collect();
        line(format!("| {field} | {} |", cells.join(" | ")));
    }
}

/// A table of what models get: one column for each that has the interface, under its name. `sent`
/// says what that is for the smallest request with a patch over it, if the request is not refused.
fn outgoing<M: Copy>(
    title: &'static str,
    models: &[(&str, M)],
    probes: &[Probe],
    sent: impl Fn(&str, M) -> Option<Map<String, Value>>,
) -> Table {
    let models: Vec<_> = models.iter().filter(|(_, model)| sent("{}", *model).is_some()).collect();
    let outcome = |probe: &Probe, model| match (sent(probe.1, model), sent(probe.2, model)) {
        (None, _) => Outcome::Refused,
        (with, without) if with == without => Outcome::Ignored,
        (Some(with), _) if probe.is_in(&with) => Outcome::Passed,
        _ => Outcome::Translated,
    };
    let rows = probes
        .iter()
        .map(|probe| (probe.0, models.iter().map(|(_, model)| outcome(probe, *model)).collect()));
    Table {
        title,
        columns: models.iter().map(|(name, _)| (*name).to_owned()).collect(),
        rows: rows.collect(),
    }
}

/// Every dialect under its name.
fn dialects() -> Vec<(&'static str, Dialect)> {
    Dialect::ALL.into_iter().map(|dialect| (dialect.name(), dialect)).collect()
}

/// A field to try: its name, the fields of a request that uses it, and those of one that does not.
struct Probe(&'static str, &'static str, &'static str);

impl Probe {
    /// The smallest request, with the fields of `patch` put over it.
    fn body(base: &str, patch: &str) -> Map<String, Value> {
        let read = |text| serde_json::from_str::<Map<String, Value>>(text);
        let mut body = read(base).expect("the smallest request is JSON");
        body.extend(read(patch).unwrap_or_else(|_| panic!("the probe is JSON: {patch}")));
        body
    }

    /// Whether every field that the probe adds or changes is in `sent` as it stands in the probe.
    fn is_in(&self, sent: &Map<String, Value>) -> bool {
        Self::body("{}", self.1).iter().all(|(name, value)| sent.get(name) == Some(value))
    }
}
