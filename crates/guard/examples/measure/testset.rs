//! The German test set: sentences with marked spans, and how a detector is judged on them.

use std::collections::BTreeMap;
use std::ops::Range;

use guard::Kind;

/// A sentence without its marks, and what was marked.
#[derive(Debug, Clone)]
pub struct Sample {
    pub text: String,
    pub spans: Vec<(Kind, Range<usize>)>,
}

/// Something found: a kind and where.
pub type Found = (Kind, Range<usize>);

/// Reads sentences with `{kind:value}` marks, one a line; `\n` is a line break, `\t` a tab, `#` a
/// comment.
pub fn read(file: &str) -> Vec<Sample> {
    file.lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# ") && *line != "#")
        .map(sample)
        .collect()
}

fn sample(line: &str) -> Sample {
    let mut sample = Sample { text: String::new(), spans: Vec::new() };
    let mut rest = line;
    while let Some(open) = rest.find('{') {
        let (code, after) = rest[open + 1..].split_once(':').expect("a mark has a kind");
        let kind = Kind::from_code(code).unwrap_or_else(|| panic!("unknown kind {code}"));
        let (value, tail) = after.split_once('}').expect("a mark is closed");
        sample.text.push_str(&unescape(&rest[..open]));
        let start = sample.text.len();
        sample.text.push_str(&unescape(value));
        sample.spans.push((kind, start..sample.text.len()));
        rest = tail;
    }
    sample.text.push_str(&unescape(rest));
    sample
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

impl Sample {
    /// The same in small letters, at the same places: letters whose small form has another length stay.
    pub fn in_small_letters(&self) -> Self {
        let small = |letter: char| {
            let mut forms = letter.to_lowercase();
            let form = forms.next().filter(|form| form.len_utf8() == letter.len_utf8());
            form.filter(|_| forms.next().is_none()).unwrap_or(letter)
        };
        Self { text: self.text.chars().map(small).collect(), spans: self.spans.clone() }
    }
}

/// Right, missed and invented finds of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    pub found: usize,
    pub missed: usize,
    pub right: usize,
    pub wrong: usize,
}

impl Score {
    pub fn recall(&self) -> f64 {
        ratio(self.found, self.found + self.missed)
    }

    pub fn precision(&self) -> f64 {
        ratio(self.right, self.right + self.wrong)
    }

    /// Two cells of a table. Who found nothing at all has no precision.
    fn cells(&self) -> String {
        match self.right + self.wrong {
            0 => format!(" – | {:.3} |", self.recall()),
            _ => format!(" {:.3} | {:.3} |", self.precision(), self.recall()),
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The judgement over a set.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    pub kinds: BTreeMap<Kind, Score>,
    /// Bytes that are marked, and those of them that lie in a find of whatever kind: what masking
    /// protects.
    pub marked_bytes: usize,
    pub covered_bytes: usize,
}

impl Judgement {
    pub fn add(&mut self, sample: &Sample, found: &[Found]) {
        for (kind, span) in &sample.spans {
            let covered = covered(span, found.iter().filter(|one| one.0 == *kind));
            let score = self.kinds.entry(*kind).or_default();
            match covered * 2 >= span.len() {
                true => score.found += 1,
                false => score.missed += 1,
            }
            self.marked_bytes += span.len();
            self.covered_bytes += self::covered(span, found.iter());
        }
        for (kind, span) in found {
            let covered = covered(span, sample.spans.iter().filter(|one| one.0 == *kind));
            let score = self.kinds.entry(*kind).or_default();
            match covered * 2 >= span.len() {
                true => score.right += 1,
                false => score.wrong += 1,
            }
        }
    }

    /// The share of marked bytes that masking would hide.
    pub fn coverage(&self) -> f64 {
        ratio(self.covered_bytes, self.marked_bytes)
    }
}

fn covered<'f>(span: &Range<usize>, others: impl Iterator<Item = &'f Found>) -> usize {
    others
        .map(|(_, other)| span.end.min(other.end).saturating_sub(span.start.max(other.start)))
        .sum()
}

/// A table of several judgements side by side.
pub fn table(columns: &[(&str, &Judgement)]) -> String {
    let join = |cell: &dyn Fn(&str, &Judgement) -> String| -> String {
        columns.iter().map(|(name, one)| cell(name, one)).collect()
    };
    let head = join(&|name, _| format!(" {name}: precision | recall |"));
    let line = join(&|_, _| "---:|---:|".to_owned());
    let mut rows = vec![format!("| kind | marked |{head}"), format!("|---|---:|{line}")];
    for kind in Kind::ALL {
        let marked = columns.iter().filter_map(|(_, one)| one.kinds.get(&kind)).next();
        let Some(marked) = marked.map(|score| score.found + score.missed) else { continue };
        let cells = join(&|_, one| one.kinds.get(&kind).copied().unwrap_or_default().cells());
        rows.push(format!("| {} | {marked} |{cells}", kind.code()));
    }
    let coverage = join(&|_, one| format!(" | {:.3} |", one.coverage()));
    rows.push(format!("| marked bytes that masking hides | |{coverage}\n"));
    rows.join("\n")
}
