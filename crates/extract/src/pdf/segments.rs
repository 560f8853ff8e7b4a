//! Glyphs to segments: runs of words on one baseline without a wide gap.

use super::glyphs::Glyph;

/// Baselines that differ by less than this share of the font size are one baseline.
const SAME_BASELINE: f32 = 0.22;
/// A gap of this share of the font size is a space.
const SPACE_GAP: f32 = 0.22;
/// A gap of this share of the font size divides segments: it may be a gutter or a cell border.
const SEGMENT_GAP: f32 = 0.95;
/// Glyphs raised or lowered by up to this share of the font size may belong to a line.
const SCRIPT_SHIFT: f32 = 0.65;
/// Raised and lowered marks are smaller than this share of the font size.
const SCRIPT_SIZE: f32 = 0.85;
/// Longer runs of small glyphs are lines of their own.
const SCRIPT_GLYPHS_MAX: usize = 6;
/// How many rows above and below a small one are looked at.
const ROWS_NEAR: usize = 3;

/// Words on one baseline.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) x0: f32,
    pub(crate) x1: f32,
    pub(crate) baseline: f32,
    pub(crate) size: f32,
    pub(crate) bold: bool,
    pub(crate) font: u64,
    pub(crate) text: String,
    /// The spaces inside: where the next word begins in the text, and the blank on the page.
    pub(crate) breaks: Vec<Break>,
}

/// A space between two words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Break {
    /// Byte at which the next word begins.
    pub(crate) at: usize,
    /// Right edge of the word before.
    pub(crate) x0: f32,
    /// Left edge of the word behind.
    pub(crate) x1: f32,
}

impl Segment {
    /// Cuts the segment at one of its spaces.
    pub(crate) fn split(self, at: &Break) -> (Self, Self) {
        let (before, behind) = self.text.split_at(at.at);
        let left = Self {
            x1: at.x0,
            text: before.trim_end().to_owned(),
            breaks: self.breaks.iter().filter(|b| b.at < at.at).copied().collect(),
            ..self.clone()
        };
        let right = Self {
            x0: at.x1,
            text: behind.to_owned(),
            breaks: self
                .breaks
                .iter()
                .filter(|b| b.at > at.at)
                .map(|b| Break { at: b.at - at.at, ..*b })
                .collect(),
            ..self
        };
        (left, right)
    }
}

/// Groups the glyphs of one layer; the segments come line by line, from left to right.
pub(crate) fn segments_of(mut glyphs: Vec<Glyph>) -> Vec<Segment> {
    glyphs.sort_by(|a, b| a.baseline.total_cmp(&b.baseline).then(a.x0.total_cmp(&b.x0)));
    let mut rows: Vec<Vec<Glyph>> = Vec::new();
    for glyph in glyphs {
        match rows.last_mut() {
            Some(row) if is_same_row(row, &glyph) => row.push(glyph),
            _ => rows.push(vec![glyph]),
        }
    }
    if rows.len() > 1 {
        attach_scripts(&mut rows);
    }
    let mut segments = Vec::new();
    for row in rows {
        cut_row(row, &mut segments);
    }
    segments
}

fn is_same_row(row: &[Glyph], glyph: &Glyph) -> bool {
    let (Some(first), Some(last)) = (row.first(), row.last()) else {
        return true;
    };
    let reach = SAME_BASELINE * last.size.min(glyph.size);
    glyph.baseline - last.baseline <= reach && glyph.baseline - first.baseline <= 2.0 * reach
}

/// Cuts one row of glyphs at wide gaps.
fn cut_row(mut row: Vec<Glyph>, segments: &mut Vec<Segment>) {
    row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    give_widths(&mut row);
    let mut open: Vec<Glyph> = Vec::new();
    // Spaces carry no ink: the gap is measured between the letters.
    let mut edge = f32::NEG_INFINITY;
    for glyph in row {
        let blank = glyph.character.is_whitespace();
        if !blank && !open.is_empty() && glyph.x0 - edge > SEGMENT_GAP * glyph.size.max(4.0) {
            segments.extend(segment_of(&open));
            open.clear();
        }
        if !blank {
            edge = if open.is_empty() { glyph.x1 } else { edge.max(glyph.x1) };
        }
        if !(blank && open.is_empty()) {
            open.push(glyph);
        }
    }
    segments.extend(segment_of(&open));
}

/// Turned text comes without widths: a letter then reaches to the next one, if that is near.
fn give_widths(row: &mut [Glyph]) {
    for index in 0..row.len() {
        let next = row.get(index + 1).map(|next| next.x0);
        let glyph = &mut row[index];
        if glyph.x1 - glyph.x0 < 0.01 {
            let widest = glyph.x0 + 0.95 * glyph.size;
            let usual = glyph.x0 + 0.55 * glyph.size;
            glyph.x1 = next.map_or(usual, |next| next.min(widest)).max(glyph.x0);
        }
    }
}

fn segment_of(glyphs: &[Glyph]) -> Option<Segment> {
    let inked: Vec<&Glyph> =
        glyphs.iter().filter(|glyph| !glyph.character.is_whitespace()).collect();
    let (first, last) = (inked.first()?, inked.last()?);
    let size = most_common(&inked, |glyph| (glyph.size * 10.0).round() as u64);
    let sized = inked.iter().find(|glyph| (glyph.size * 10.0).round() as u64 == size)?;
    let bold = inked.iter().filter(|glyph| glyph.bold).count() * 10 >= inked.len() * 9;
    let (text, breaks) = text_of(glyphs);
    Some(Segment {
        x0: first.x0,
        x1: inked.iter().map(|glyph| glyph.x1).fold(last.x1, f32::max),
        baseline: sized.baseline,
        size: sized.size,
        bold,
        font: most_common(&inked, |glyph| glyph.font),
        text,
        breaks,
    })
}

fn most_common(glyphs: &[&Glyph], value: impl Fn(&Glyph) -> u64) -> u64 {
    let mut counts: Vec<(u64, usize)> = Vec::new();
    for glyph in glyphs {
        let value = value(glyph);
        match counts.iter().position(|(known, _)| *known == value) {
            Some(known) => counts[known].1 += 1,
            // A line of text has a handful of fonts; what comes later is not the most common.
            None if counts.len() < 32 => counts.push((value, 1)),
            None => {}
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(0, |(value, _)| value)
}

/// The words of a row and the spaces between them.
fn text_of(glyphs: &[Glyph]) -> (String, Vec<Break>) {
    let mut writer = Writer::default();
    for glyph in glyphs {
        writer.add(glyph);
    }
    writer.finish()
}

#[derive(Default)]
struct Writer<'a> {
    text: String,
    breaks: Vec<Break>,
    previous: Option<&'a Glyph>,
    /// An accent that was drawn before its letter.
    accent: Option<(char, &'a Glyph)>,
    blank: bool,
}

impl<'a> Writer<'a> {
    fn add(&mut self, glyph: &'a Glyph) {
        if glyph.character.is_whitespace() {
            self.blank = true;
            return;
        }
        if let Some(before) = self.previous {
            // The same glyph drawn twice, a little apart, makes a letter bold.
            let twice = before.character == glyph.character
                && (glyph.x0 - before.x0).abs() < 0.12 * glyph.size
                && (glyph.baseline - before.baseline).abs() < 0.12 * glyph.size;
            if twice {
                return;
            }
            if let Some(combining) = combining_of(glyph.character)
                && overlap(before, glyph)
                && before.character.is_alphabetic()
            {
                self.text.push(combining);
                return;
            }
            self.space(before, glyph);
        }
        self.blank = false;
        if let Some(combining) = combining_of(glyph.character) {
            self.drop_accent();
            self.accent = Some((combining, glyph));
            self.previous = None;
            return;
        }
        self.letter(glyph);
        self.previous = Some(glyph);
    }

    fn space(&mut self, before: &Glyph, glyph: &Glyph) {
        let gap = glyph.x0 - before.x1;
        if self.blank || gap > SPACE_GAP * glyph.size.min(before.size) {
            self.text.push(' ');
            self.breaks.push(Break { at: self.text.len(), x0: before.x1, x1: glyph.x0 });
        }
    }

    fn letter(&mut self, glyph: &Glyph) {
        let accent = self.accent.take();
        if let Some((_, drawn)) = accent.filter(|(_, drawn)| !sits_on(drawn, glyph)) {
            self.text.push(drawn.character);
        }
        self.text.push(glyph.character);
        if let Some((combining, _)) = accent.filter(|(_, drawn)| sits_on(drawn, glyph)) {
            self.text.push(combining);
        }
    }

    fn drop_accent(&mut self) {
        if let Some((_, drawn)) = self.accent.take() {
            self.text.push(drawn.character);
        }
    }

    fn finish(mut self) -> (String, Vec<Break>) {
        self.drop_accent();
        (self.text, self.breaks)
    }
}

fn sits_on(accent: &Glyph, letter: &Glyph) -> bool {
    letter.character.is_alphabetic() && overlap(accent, letter)
}

/// Old fonts draw "ä" as "a" and a dieresis on top.
fn combining_of(character: char) -> Option<char> {
    Some(match character {
        '\u{a8}' => '\u{308}',
        '\u{b4}' => '\u{301}',
        '\u{60}' => '\u{300}',
        '\u{2c6}' => '\u{302}',
        '\u{2dc}' => '\u{303}',
        '\u{300}'..='\u{36f}' => character,
        _ => return None,
    })
}

fn overlap(a: &Glyph, b: &Glyph) -> bool {
    let shared = a.x1.min(b.x1) - a.x0.max(b.x0);
    shared > 0.4 * (a.x1 - a.x0).min(b.x1 - b.x0).max(0.1)
}

/// Puts short runs of small raised or lowered glyphs into the row they stand beside.
fn attach_scripts(rows: &mut Vec<Vec<Glyph>>) {
    let sizes: Vec<f32> = rows.iter().map(|row| largest(row)).collect();
    for index in 0..rows.len() {
        let first = index.saturating_sub(ROWS_NEAR);
        let last = (index + ROWS_NEAR).min(rows.len() - 1);
        if !(first..=last).any(|near| sizes[index] < SCRIPT_SIZE * sizes[near]) {
            continue;
        }
        for run in runs_of(std::mem::take(&mut rows[index])) {
            let base = (first..=last)
                .find(|near| *near != index && is_script_of(&run, &rows[*near], sizes[*near]));
            match base {
                Some(base) => {
                    let raised = rows[base][0].baseline - run[0].baseline > 0.15 * sizes[base];
                    rows[base].extend(run.into_iter().map(|glyph| script(glyph, raised)));
                }
                None => rows[index].extend(run),
            }
        }
    }
    rows.retain(|row| !row.is_empty());
}

fn largest(row: &[Glyph]) -> f32 {
    row.iter().map(|glyph| glyph.size).fold(0.0, f32::max)
}

/// Cuts a row at every gap wider than a space.
fn runs_of(mut row: Vec<Glyph>) -> Vec<Vec<Glyph>> {
    row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let mut runs: Vec<Vec<Glyph>> = Vec::new();
    for glyph in row {
        let fits = runs
            .last()
            .and_then(|run| run.last())
            .is_some_and(|last| glyph.x0 - last.x1 < glyph.size);
        match runs.last_mut() {
            Some(run) if fits => run.push(glyph),
            _ => runs.push(vec![glyph]),
        }
    }
    runs
}

fn is_script_of(run: &[Glyph], row: &[Glyph], size: f32) -> bool {
    let (Some(first), Some(last), Some(base)) = (run.first(), run.last(), row.first()) else {
        return false;
    };
    let shift = (base.baseline - first.baseline).abs();
    run.len() <= SCRIPT_GLYPHS_MAX
        && largest(run) < SCRIPT_SIZE * size
        && shift < SCRIPT_SHIFT * size
        && row.iter().any(|glyph| {
            let inked = !glyph.character.is_whitespace();
            inked
                && ((first.x0 - glyph.x1).abs() < 0.3 * size
                    || (glyph.x0 - last.x1).abs() < 0.3 * size)
        })
}

/// Raised digits keep their look, so that "m²" does not become "m2" nor "Frist¹" a word.
fn script(mut glyph: Glyph, raised: bool) -> Glyph {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    if let Some(digit) = glyph.character.to_digit(10).filter(|_| raised) {
        glyph.character = RAISED[digit as usize];
    }
    glyph
}
