//! The glyphs of a page, grouped by the direction they run in.
//!
//! Every direction is turned so that text runs from left to right and lines go down; the frame
//! remembers how to find the place on the page as displayed.

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;
use pdf_oxide::layout::TextChar;

use super::segments::Segment;
use crate::passage::PageBox;

/// Above and below the baseline, as shares of the font size: what a marked line covers.
const ASCENT: f32 = 0.82;
const DESCENT: f32 = 0.24;
/// Fonts smaller than this, in points, are not meant to be read.
const READABLE_POINTS: f32 = 1.0;

/// One letter with its place in the frame of its layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glyph {
    pub(crate) character: char,
    pub(crate) x0: f32,
    pub(crate) x1: f32,
    pub(crate) baseline: f32,
    pub(crate) size: f32,
    pub(crate) bold: bool,
    pub(crate) font: u64,
}

/// All glyphs of a page that run in one direction.
pub(crate) struct Layer {
    pub(crate) frame: Frame,
    pub(crate) glyphs: Vec<Glyph>,
}

/// How a layer lies on the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Direction of the text in quarter turns against the clock, on the undisplayed page.
    turns: u8,
    page: PageFrame,
}

/// The visible part of a page and how it is turned for display.
#[derive(Debug, Clone, Copy)]
struct PageFrame {
    x0: f32,
    y0: f32,
    x1: f32,
    y1: f32,
    /// Quarter turns with the clock.
    rotation: u8,
}

/// Reads the glyphs of a page; the text that reads upright on the screen comes first.
pub(crate) fn layers_of(
    document: &PdfDocument,
    index: usize,
    glyphs_max: usize,
) -> Result<Vec<Layer>, Error> {
    let page = page_frame(document, index)?;
    let characters = document.extract_chars(index)?;
    let mut layers: Vec<Layer> = Vec::new();
    for character in characters.iter().take(glyphs_max) {
        let Some((turns, glyph)) = page.glyph(character) else {
            continue;
        };
        let layer = match layers.iter_mut().position(|layer| layer.frame.turns == turns) {
            Some(known) => &mut layers[known],
            None => {
                layers.push(Layer { frame: Frame { turns, page }, glyphs: Vec::new() });
                let last = layers.len() - 1;
                &mut layers[last]
            }
        };
        layer.glyphs.push(glyph);
    }
    layers.sort_by_key(|layer| (layer.frame.turns + 4 - page.rotation) % 4);
    Ok(layers)
}

fn page_frame(document: &PdfDocument, index: usize) -> Result<PageFrame, Error> {
    // A page without a usable size is shown as A4.
    let (x0, y0, x1, y1) = document
        .get_page_visible_box(index)
        .ok()
        .filter(|(x0, y0, x1, y1)| {
            [x0, y0, x1, y1].iter().all(|edge| edge.is_finite()) && x1 - x0 > 1.0 && y1 - y0 > 1.0
        })
        .unwrap_or((0.0, 0.0, 595.0, 842.0));
    let degrees = document.get_page_rotation(index).unwrap_or(0);
    let rotation = u8::try_from(degrees.rem_euclid(360) / 90).unwrap_or(0);
    Ok(PageFrame { x0, y0, x1, y1, rotation })
}

impl PageFrame {
    fn glyph(&self, character: &TextChar) -> Option<(u8, Glyph)> {
        let (x, y) = (character.origin_x, character.origin_y);
        let size = character.font_size.abs();
        // The box of turned text has no width; its advance does.
        let width = [character.bbox.width, character.advance_width]
            .into_iter()
            .find(|width| *width > 0.01)
            .unwrap_or(0.0);
        let sound = [x, y, size, width].iter().all(|value| value.is_finite());
        let visible = (self.x0 - 1.0..=self.x1 + 1.0).contains(&x)
            && (self.y0 - 1.0..=self.y1 + 1.0).contains(&y);
        if !sound || !visible || size < READABLE_POINTS {
            return None;
        }
        // Slanted text is read in the nearest quarter turn.
        let quarter = (character.rotation_degrees / 90.0).round();
        let turns = if quarter.is_finite() { quarter.rem_euclid(4.0) as u8 % 4 } else { 0 };
        let (along, down) = into_frame(turns, x, y);
        let glyph = Glyph {
            character: character.char,
            x0: along,
            x1: along + width.clamp(0.0, size * 4.0),
            baseline: down,
            size,
            bold: character.font_weight.is_bold() || names_bold(&character.font_name),
            font: fingerprint(&character.font_name),
        };
        Some((turns, glyph))
    }

    /// Share of the displayed page at which a point of the page lies, from its top left corner.
    fn share(&self, x: f32, y: f32) -> (f32, f32) {
        let across = (x - self.x0) / (self.x1 - self.x0);
        let up = (y - self.y0) / (self.y1 - self.y0);
        let (left, top) = match self.rotation {
            0 => (across, 1.0 - up),
            1 => (up, across),
            2 => (1.0 - across, up),
            _ => (1.0 - up, 1.0 - across),
        };
        (left.clamp(0.0, 1.0), top.clamp(0.0, 1.0))
    }
}

impl Frame {
    /// The place of a line on the displayed page.
    pub(crate) fn area(&self, page: u32, cells: &[Segment]) -> PageBox {
        let fold = |start: f32, pick: fn(f32, f32) -> f32, value: fn(&Segment) -> f32| {
            cells.iter().map(value).fold(start, pick)
        };
        let x0 = fold(f32::INFINITY, f32::min, |cell| cell.x0);
        let x1 = fold(f32::NEG_INFINITY, f32::max, |cell| cell.x1);
        let top = fold(f32::INFINITY, f32::min, |cell| cell.baseline - ASCENT * cell.size);
        let bottom = fold(f32::NEG_INFINITY, f32::max, |cell| cell.baseline + DESCENT * cell.size);
        let corner = |along: f32, down: f32| {
            let (x, y) = out_of_frame(self.turns, along, down);
            self.page.share(x, y)
        };
        let (a, b) = (corner(x0, top), corner(x1, bottom));
        PageBox {
            page,
            x: round(a.0.min(b.0)),
            y: round(a.1.min(b.1)),
            width: round((a.0 - b.0).abs()),
            height: round((a.1 - b.1).abs()),
        }
    }
}

/// Four digits are a tenth of a millimetre on paper, and keep the output small.
fn round(share: f32) -> f32 {
    let rounded = (share * 10_000.0).round() / 10_000.0;
    if rounded.is_finite() { rounded } else { 0.0 }
}

/// Turns a point of the page so that text of this direction runs to the right and lines go down.
fn into_frame(turns: u8, x: f32, y: f32) -> (f32, f32) {
    match turns {
        0 => (x, -y),
        1 => (y, x),
        2 => (-x, y),
        _ => (-y, -x),
    }
}

fn out_of_frame(turns: u8, along: f32, down: f32) -> (f32, f32) {
    match turns {
        0 => (along, -down),
        1 => (down, along),
        2 => (-along, down),
        _ => (-down, -along),
    }
}

fn names_bold(font: &str) -> bool {
    let font = font.to_ascii_lowercase();
    ["bold", "black", "heavy", "semibold", "demi"].iter().any(|word| font.contains(word))
}

/// A stable number for a font name, without the tag of its subset.
fn fingerprint(font: &str) -> u64 {
    let name = match font.split_once('+') {
        Some((tag, name)) if tag.len() == 6 => name,
        _ => font,
    };
    // FNV-1a: short names, no adversary.
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_turn_there_and_back() {
        for turns in 0..4 {
            let (along, down) = into_frame(turns, 3.0, 5.0);
            assert_eq!(out_of_frame(turns, along, down), (3.0, 5.0));
        }
    }

    #[test]
    fn corners_follow_the_page_rotation() {
        let page = |rotation| PageFrame { x0: 0.0, y0: 0.0, x1: 200.0, y1: 100.0, rotation };
        // The lower left corner of the paper, as displayed.
        assert_eq!(page(0).share(0.0, 0.0), (0.0, 1.0));
        assert_eq!(page(1).share(0.0, 0.0), (0.0, 0.0));
        assert_eq!(page(2).share(0.0, 0.0), (1.0, 0.0));
        assert_eq!(page(3).share(0.0, 0.0), (1.0, 1.0));
    }
}
