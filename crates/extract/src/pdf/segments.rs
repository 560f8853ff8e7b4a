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

/// On pages with more segments, raised and lowered marks stay where they are.
const SEGMENTS_WITH_SCRIPTS_MAX: usize = 4_000;

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
}

/// Groups the glyphs of one layer; the segments come line by line, from left to right.
pub(crate) fn segments_of(mut glyphs: Vec<Glyph>) -> Vec<Segment> {
    glyphs.sort_by(|a, b| a.baseline.total_cmp(&b.baseline).then(a.x0.total_cmp(&b.x0)));
    let mut segments = Vec::new();
    let mut row: Vec<Glyph> = Vec::new();
    for glyph in glyphs {
        let same = row.last().is_none_or(|last: &Glyph| {
            let reach = SAME_BASELINE * last.size.min(glyph.size);
            glyph.baseline - last.baseline <= reach
                && glyph.baseline - row[0].baseline <= 2.0 * reach
        });
        if !same {
            cut_row(std::mem::take(&mut row), &mut segments);
        }
        row.push(glyph);
    }
    cut_row(row, &mut segments);
    if segments.len() > SEGMENTS_WITH_SCRIPTS_MAX {
        return segments;
    }
    attach_scripts(segments)
}

/// Cuts one row of glyphs at wide gaps.
fn cut_row(mut row: Vec<Glyph>, segments: &mut Vec<Segment>) {
    row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
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

fn segment_of(glyphs: &[Glyph]) -> Option<Segment> {
    let inked: Vec<&Glyph> =
        glyphs.iter().filter(|glyph| !glyph.character.is_whitespace()).collect();
    let (first, last) = (inked.first()?, inked.last()?);
    let size = most_common(&inked, |glyph| (glyph.size * 10.0).round() as u64);
    let sized = inked.iter().find(|glyph| (glyph.size * 10.0).round() as u64 == size)?;
    let bold = inked.iter().filter(|glyph| glyph.bold).count() * 10 >= inked.len() * 9;
    Some(Segment {
        x0: first.x0,
        x1: inked.iter().map(|glyph| glyph.x1).fold(last.x1, f32::max),
        baseline: sized.baseline,
        size: sized.size,
        bold,
        font: most_common(&inked, |glyph| glyph.font),
        text: text_of(glyphs),
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

/// The words of a row; accents that were drawn over their letter are put behind it.
fn text_of(glyphs: &[Glyph]) -> String {
    let mut text = String::with_capacity(glyphs.len() + 8);
    let mut previous: Option<&Glyph> = None;
    let mut accent: Option<(char, &Glyph)> = None;
    for glyph in glyphs {
        if glyph.character.is_whitespace() {
            if !text.ends_with(' ') && !text.is_empty() {
                text.push(' ');
            }
            continue;
        }
        if let Some(before) = previous {
            // The same glyph drawn twice, a little apart, makes a letter bold.
            let twice = before.character == glyph.character
                && (glyph.x0 - before.x0).abs() < 0.12 * glyph.size
                && (glyph.baseline - before.baseline).abs() < 0.12 * glyph.size;
            if twice {
                continue;
            }
            let gap = glyph.x0 - before.x1;
            if gap > SPACE_GAP * glyph.size.min(before.size) && !text.ends_with(' ') {
                text.push(' ');
            }
        }
        if let Some(combining) = combining_of(glyph.character) {
            match previous {
                Some(base) if overlap(base, glyph) && base.character.is_alphabetic() => {
                    text.push(combining);
                }
                _ => accent = Some((combining, glyph)),
            }
            if accent.is_none() {
                continue;
            }
            previous = None;
            continue;
        }
        text.push(glyph.character);
        if let Some((combining, drawn)) = accent.take() {
            if overlap(drawn, glyph) && glyph.character.is_alphabetic() {
                text.push(combining);
            } else {
                let at = text.len() - glyph.character.len_utf8();
                text.insert(at, drawn.character);
            }
        }
        previous = Some(glyph);
    }
    if let Some((_, drawn)) = accent {
        text.push(drawn.character);
    }
    while text.ends_with(' ') {
        text.pop();
    }
    text
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

/// Puts small raised or lowered segments into the line they touch.
fn attach_scripts(segments: Vec<Segment>) -> Vec<Segment> {
    let mut kept: Vec<Segment> = Vec::with_capacity(segments.len());
    let mut scripts = Vec::new();
    let mut sizes: Vec<f32> = segments.iter().map(|segment| segment.size).collect();
    sizes.sort_by(f32::total_cmp);
    let usual = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
    for segment in segments {
        let small = segment.size < 0.85 * usual && segment.text.chars().count() <= 6;
        if small {
            scripts.push(segment);
        } else {
            kept.push(segment);
        }
    }
    for script in scripts {
        attach_script(script, &mut kept);
    }
    kept.sort_by(|a, b| a.baseline.total_cmp(&b.baseline).then(a.x0.total_cmp(&b.x0)));
    kept
}

fn attach_script(script: Segment, kept: &mut Vec<Segment>) {
    let near = |segment: &Segment| {
        let shift = (segment.baseline - script.baseline).abs();
        script.size < 0.85 * segment.size && shift < SCRIPT_SHIFT * segment.size
    };
    let behind = kept
        .iter()
        .position(|segment| near(segment) && (script.x0 - segment.x1).abs() < 0.3 * segment.size);
    let Some(index) = behind else {
        kept.push(script);
        return;
    };
    let raised = kept[index].baseline - script.baseline > 0.15 * kept[index].size;
    let line = &mut kept[index];
    line.x1 = line.x1.max(script.x1);
    line.text.push_str(&raised_text(&script.text, raised));
    // What the mark parted may touch again: "m² Fläche".
    let next = kept.iter().position(|segment| {
        let line = &kept[index];
        (segment.baseline - line.baseline).abs() < SAME_BASELINE * line.size
            && segment.x0 >= line.x1 - 0.1 * line.size
            && segment.x0 - line.x1 < SEGMENT_GAP * line.size
    });
    if let Some(next) = next.filter(|next| *next != index) {
        let tail = kept.remove(next);
        let index = if next < index { index - 1 } else { index };
        let line = &mut kept[index];
        if tail.x0 - line.x1 > 0.12 * line.size {
            line.text.push(' ');
        }
        line.text.push_str(&tail.text);
        line.x1 = tail.x1;
    }
}

/// Raised digits keep their look, so that "m²" does not become "m2" nor "Frist¹" a word.
fn raised_text(text: &str, raised: bool) -> String {
    if !raised {
        return text.to_owned();
    }
    text.chars()
        .map(|character| match character {
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            other => other,
        })
        .collect()
}
