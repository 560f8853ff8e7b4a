//! What was given, with its origin: flags over environment over file over built-in values. Knows
//! the declaration and the kinds of values, not what the settings mean together.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Environment, Overrides,
    declaration::{AUTO, GUARDS, Key, Kind, MODELS, PRICES, ROUTES, SECTIONS, is_list, keys},
    mistake::{Mistake, Origin},
};

/// A value of the kind its key declares.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(u64),
    Price(f64),
    Address(SocketAddr),
    Url(url::Url),
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    pub value: Value,
    pub origin: Origin,
}

/// The values of one table, by the key's own name.
#[derive(Debug, Default)]
pub(super) struct RawTable {
    pub values: BTreeMap<&'static str, Given>,
    pub line: usize,
    /// The prices of a route.
    pub prices: Vec<RawTable>,
}

/// A model and its routes.
#[derive(Debug, Default)]
pub(super) struct RawModel {
    pub table: RawTable,
    pub routes: Vec<RawTable>,
}

/// Everything that was given. May be wrong.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub file_name: String,
    /// By the path from the top.
    pub values: BTreeMap<String, Given>,
    pub models: Vec<RawModel>,
    /// The lines behind the name `auto`.
    pub auto: Vec<RawTable>,
    /// Exceptions from `[guard]`.
    pub guards: Vec<RawTable>,
    pub mistakes: Vec<Mistake>,
}

impl Raw {
    /// Reads file, environment and flags.
    pub fn read(
        file: Option<(&str, &str)>,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Self {
        let mut raw = Self::default();
        raw.read_built_in();
        if let Some((name, text)) = file {
            raw.file_name = name.to_owned();
            raw.read_file(text);
        }
        raw.read_environment(environment);
        raw.read_flags(overrides);
        raw
    }

    fn read_built_in(&mut self) {
        for key in keys().filter(|key| !is_list(key.section)) {
            if let Some(text) = key.default {
                self.put_text(key, text, Origin::BuiltIn);
            }
        }
    }

    fn read_environment(&mut self, environment: &Environment) {
        for key in keys() {
            let Some(variable) = key.variable() else { continue };
            // An empty variable means "not set": that is how service units blank one out.
            if let Some(text) = environment.get(&variable).filter(|text| !text.is_empty()) {
                self.put_text(key, text, Origin::Variable(variable.clone()));
            }
        }
    }

    fn read_flags(&mut self, overrides: &Overrides) {
        let data = overrides.data.as_ref().map(|path| path.to_string_lossy().into_owned());
        for (name, text) in [("data", &data), ("listen", &overrides.listen)] {
            let key = keys().find(|key| key.section.is_empty() && key.name == name);
            if let (Some(key), Some(text)) = (key, text) {
                self.put_text(key, text, Origin::Flag);
            }
        }
    }

    fn put_text(&mut self, key: &Key, text: &str, origin: Origin) {
        match from_text(key.kind, text) {
            Ok(value) => {
                self.values.insert(key.path(), Given { value, origin });
            }
            Err(text) => self.mistakes.push(Mistake { origin, key: key.path(), text }),
        }
    }

    fn read_file(&mut self, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            self.mistake(line, "", error.message().to_owned());
        }
        if !self.mistakes.is_empty() {
            // What was recovered from a broken file would only bring mistakes that are none.
            return;
        }
        let lines = Lines::in_text(text);
        self.read_table(&lines, "", table.get_ref());
    }

    /// Reads the top or a plain section.
    fn read_table(&mut self, lines: &Lines, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let line = lines.of(name);
            let path = join(section, name.get_ref());
            let key = keys().find(|key| key.section == section && key.name == name.get_ref());
            if let Some(key) = key {
                let origin = self.origin(line);
                match from_toml(key.kind, value.get_ref()) {
                    Ok(value) => {
                        self.values.insert(path, Given { value, origin });
                    }
                    Err(text) => self.mistakes.push(Mistake { origin, key: path, text }),
                }
            } else if section.is_empty() && name.get_ref() == MODELS {
                self.read_models(lines, line, value.get_ref());
            } else if section.is_empty() && name.get_ref() == AUTO {
                self.auto = self.read_list(lines, AUTO, line, value.get_ref());
            } else if section.is_empty() && name.get_ref() == GUARDS {
                self.guards = self.read_list(lines, GUARDS, line, value.get_ref());
            } else if SECTIONS.iter().any(|(known, _)| section.is_empty() && known == &path) {
                match value.get_ref().as_table() {
                    Some(inner) => self.read_table(lines, &path, inner),
                    None => {
                        self.mistake(line, &path, format!("is a section: write [{path}]"));
                    }
                }
            } else {
                self.unknown(line, section, &path);
            }
        }
    }

    fn read_models(&mut self, lines: &Lines, line: usize, value: &DeValue<'_>) {
        let Some(tables) = tables_of(value) else {
            return self.mistake(line, MODELS, "is a list: write [[models]]".to_owned());
        };
        for spanned in tables {
            let table = spanned.get_ref().as_table().expect("tables_of gives tables");
            let mut model = RawModel::default();
            if let Some(routes) = table.get("routes") {
                model.routes = self.read_list(lines, ROUTES, lines.of(routes), routes.get_ref());
            }
            model.table = self.read_entry(lines, MODELS, lines.of(spanned), table);
            self.models.push(model);
        }
    }

    /// Reads all entries of a list.
    fn read_list(
        &mut self,
        lines: &Lines,
        section: &'static str,
        line: usize,
        value: &DeValue<'_>,
    ) -> Vec<RawTable> {
        let Some(tables) = tables_of(value) else {
            self.mistake(line, section, format!("is a list: write [[{section}]]"));
            return Vec::new();
        };
        let mut entries = Vec::new();
        for spanned in tables {
            let table = spanned.get_ref().as_table().expect("tables_of gives tables");
            entries.push(self.read_entry(lines, section, lines.of(spanned), table));
        }
        entries
    }

    /// Reads one entry of a list.
    fn read_entry(
        &mut self,
        lines: &Lines,
        section: &'static str,
        line: usize,
        table: &DeTable<'_>,
    ) -> RawTable {
        let mut entry = RawTable { line, ..RawTable::default() };
        for key in keys().filter(|key| key.section == section) {
            if let Some(value) = key.default.and_then(|text| from_text(key.kind, text).ok()) {
                entry.values.insert(key.name, Given { value, origin: Origin::BuiltIn });
            }
        }
        for (name, value) in table {
            if section == MODELS && name.get_ref() == "routes" {
                continue;
            }
            let line = lines.of(name);
            if section == ROUTES && name.get_ref() == "prices" {
                entry.prices = self.read_list(lines, PRICES, line, value.get_ref());
                continue;
            }
            let key = keys().find(|key| key.section == section && key.name == name.get_ref());
            let Some(key) = key else {
                self.unknown(line, section, &join(section, name.get_ref()));
                continue;
            };
            let origin = self.origin(line);
            match from_toml(key.kind, value.get_ref()) {
                Ok(value) => {
                    entry.values.insert(key.name, Given { value, origin });
                }
                Err(text) => self.mistakes.push(Mistake { origin, key: key.path(), text }),
            }
        }
        entry
    }

    fn unknown(&mut self, line: usize, section: &str, path: &str) {
        let mut known: Vec<&str> =
            keys().filter(|key| key.section == section).map(|key| key.name).collect();
        if section.is_empty() {
            known.extend(
                SECTIONS
                    .iter()
                    .map(|(name, _)| *name)
                    .filter(|name| !name.is_empty() && !name.contains('.')),
            );
        }
        self.mistake(line, path, format!("is not a setting; known here: {}", known.join(", ")));
    }

    fn mistake(&mut self, line: usize, key: &str, text: String) {
        let origin = self.origin(line);
        self.mistakes.push(Mistake { origin, key: key.to_owned(), text });
    }

    fn origin(&self, line: usize) -> Origin {
        Origin::File { name: self.file_name.clone(), line }
    }
}

/// Where lines end, found once: a file may have thousands of models.
struct Lines {
    ends: Vec<usize>,
}

impl Lines {
    fn in_text(text: &str) -> Self {
        Self { ends: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    fn of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.ends.partition_point(|end| *end < spanned.span().start) + 1
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The entries, if the value is a list of tables.
fn tables_of<'v, 'i>(value: &'v DeValue<'i>) -> Option<Vec<&'v Spanned<DeValue<'i>>>> {
    let entries: Vec<_> = value.as_array()?.iter().collect();
    entries.iter().all(|entry| entry.get_ref().is_table()).then_some(entries)
}

fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
    let text = match (kind, value) {
        (Kind::Whole { .. }, DeValue::Integer(number)) if number.radix() == 10 => number.as_str(),
        (Kind::Price | Kind::WattHours, DeValue::Integer(number)) if number.radix() == 10 => {
            number.as_str()
        }
        (Kind::Price | Kind::WattHours, DeValue::Float(number)) => number.as_str(),
        (Kind::Whole { .. } | Kind::Price | Kind::WattHours, other) => {
            return Err(format!("must be a number, not a {}", other.type_str()));
        }
        (_, DeValue::String(text)) => text,
        (_, other) => {
            return Err(format!("must be a text in quotes, not a {}", other.type_str()));
        }
    };
    from_text(kind, text)
}

fn from_text(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Text | Kind::Secret | Kind::Path if text.trim().is_empty() => {
            Err("must not be empty".to_owned())
        }
        Kind::Text | Kind::Secret => Ok(Value::Text(text.to_owned())),
        Kind::Path => Ok(Value::Text(PathBuf::from(text).to_string_lossy().into_owned())),
        Kind::Address => text
            .parse()
            .map(Value::Address)
            .map_err(|_| format!("{text:?} is not an address and port such as 127.0.0.1:8080")),
        Kind::Url => url(text),
        Kind::Whole { min, max } => {
            let number = text.replace('_', "").parse::<u64>().ok();
            number
                .filter(|number| (min..=max).contains(number))
                .map(Value::Whole)
                .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
        }
        Kind::Price | Kind::WattHours => {
            let unit = if kind == Kind::Price { "euros" } else { "watt hours" };
            let number = text.replace('_', "").parse::<f64>().ok();
            number
                .filter(|number| (0.0..=1e6).contains(number))
                .map(Value::Price)
                .ok_or_else(|| format!("must be a number of {unit} from 0 to 1000000"))
        }
        Kind::Choice(words) => {
            if words.contains(&text) {
                Ok(Value::Text(text.to_owned()))
            } else {
                Err(format!("{text:?} is not one of {}", words.join(", ")))
            }
        }
    }
}

fn url(text: &str) -> Result<Value, String> {
    let wrong = "must be an address that begins with http:// or https:// and names a host";
    let url = url::Url::parse(text).map_err(|_| wrong.to_owned())?;
    // As it is written, not as a lenient reader would take it: what is sealed for an address compares
    // the text.
    let leads = ["http://", "https://"];
    let is_led = |lead: &str| text.get(..lead.len()).is_some_and(|l| l.eq_ignore_ascii_case(lead));
    let is_odd = |letter: char| letter == '\\' || letter.is_whitespace() || letter.is_control();
    if !leads.into_iter().any(is_led) || text.contains(is_odd) || url.host_str().is_none() {
        return Err(wrong.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a name or password".to_owned());
    }
    Ok(Value::Url(url))
}
