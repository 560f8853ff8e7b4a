//! Removes running headers, footers and page numbers: what repeats at the edge of pages.

use super::Line;

/// Lines looked at from each edge of a page.
const EDGE_LINES: usize = 3;
/// Share of the page's height in which headers and footers stand.
const EDGE_SHARE: f32 = 0.16;
/// Pages on each side that are compared with a page.
const NEIGHBOURS: usize = 4;
/// How far a repeated line may move, as a share of the page's height.
const SAME_PLACE: f32 = 0.012;

/// What is compared: the words with all numbers made equal, and the place.
#[derive(Debug)]
struct Mark {
    /// Index of the line on its page.
    line: usize,
    words: String,
    middle: f32,
}

/// The outermost lines of a page, from the edge inwards.
#[derive(Debug, Default)]
struct Edges {
    top: Vec<Mark>,
    bottom: Vec<Mark>,
}

/// Removes the furniture of all pages.
pub(crate) fn remove(pages: &mut [Vec<Line>]) {
    let edges: Vec<Edges> = pages.iter().map(|lines| edges_of(lines)).collect();
    for (index, lines) in pages.iter_mut().enumerate() {
        let mut doomed = repeated(&edges, index, |edges| &edges.top);
        doomed.extend(repeated(&edges, index, |edges| &edges.bottom));
        doomed.sort_unstable();
        for line in doomed.into_iter().rev() {
            lines.remove(line);
        }
    }
}

fn edges_of(lines: &[Line]) -> Edges {
    let mut marks: Vec<Mark> = lines
        .iter()
        .enumerate()
        .map(|(line, content)| Mark {
            line,
            words: words_of(&content.text()),
            middle: content.area.y + content.area.height / 2.0,
        })
        .collect();
    marks.sort_by(|a, b| a.middle.total_cmp(&b.middle));
    let is_top = |mark: &Mark| mark.middle < EDGE_SHARE;
    let is_bottom = |mark: &Mark| mark.middle > 1.0 - EDGE_SHARE;
    let bottom_start = marks
        .iter()
        .position(is_bottom)
        .unwrap_or(marks.len())
        .max(marks.len().saturating_sub(EDGE_LINES));
    let mut bottom: Vec<Mark> = marks.split_off(bottom_start);
    bottom.reverse();
    let top = marks.into_iter().take_while(is_top).take(EDGE_LINES).collect();
    Edges { top, bottom }
}

/// Lines of a page's edge that the neighbouring pages show in the same place.
fn repeated(edges: &[Edges], page: usize, side: fn(&Edges) -> &Vec<Mark>) -> Vec<usize> {
    let first = page.saturating_sub(NEIGHBOURS);
    let last = (page + NEIGHBOURS).min(edges.len() - 1);
    let others = last - first;
    let mut doomed = Vec::new();
    for mark in side(&edges[page]) {
        let shown = (first..=last)
            .filter(|other| *other != page)
            .filter(|other| {
                side(&edges[*other]).iter().any(|candidate| {
                    candidate.words == mark.words
                        && (candidate.middle - mark.middle).abs() < SAME_PLACE
                })
            })
            .count();
        // Left and right pages may differ, so that two in five neighbours are enough.
        let enough = match others {
            0 => matches!(mark.words.as_str(), "seite # von" | "page # of" | "von"),
            1..=3 => shown >= 1 && (shown * 2 >= others),
            _ => shown >= 3 || shown * 5 >= others * 2,
        };
        // Whatever stands further inside than a line that stays is text.
        if !enough {
            break;
        }
        doomed.push(mark.line);
    }
    doomed
}

/// Small letters with every number, Arabic or Roman alone, replaced by one sign.
fn words_of(text: &str) -> String {
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    if !bare.is_empty() && bare.len() <= 6 && bare.chars().all(|c| "ivxlIVXL".contains(c)) {
        return "#".to_owned();
    }
    let mut words = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_digit() {
            if !words.ends_with('#') {
                words.push('#');
            }
        } else {
            words.extend(character.to_lowercase());
        }
    }
    // The page number stands outside on left and right pages alike.
    let edge = |c: char| matches!(c, '-' | '–' | '—' | ' ' | '|' | '#');
    let trimmed = words.trim_matches(edge);
    if trimmed.is_empty() { "#" } else { trimmed }.to_owned()
}
