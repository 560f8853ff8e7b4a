//! PDF with text: pages to lines, lines to blocks.
//!
//! The third-party reader gives glyphs with places; everything about reading order is ours.
//! One page is held at a time; of a page only its lines stay.

mod columns;
mod furniture;
mod glyphs;
mod hyphens;
mod paragraphs;
mod segments;
mod tables;
#[cfg(test)]
mod tests;

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;

use crate::block::Block;
use crate::clean::clean;
use crate::event::Event;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::passage::PageBox;

use segments::Segment;

/// The reader keeps some objects of every page it has seen; it is opened anew after so many.
const PAGES_PER_OPENING: usize = 250;
/// Glyphs read from one page; the rest of such a page is left out.
const PAGE_GLYPHS_MAX: usize = 200_000;

/// One line of a page, in reading order.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Page, counted from 1.
    page: u32,
    /// Number of the column on this page, in reading order.
    column: u32,
    /// Right edge of the column.
    right: f32,
    /// What stands on the line, from left to right; more than one in tables and wide gaps.
    cells: Vec<Segment>,
    /// Place on the page as displayed.
    area: PageBox,
}

impl Line {
    fn x0(&self) -> f32 {
        self.cells.first().map_or(0.0, |cell| cell.x0)
    }

    fn x1(&self) -> f32 {
        self.cells.last().map_or(0.0, |cell| cell.x1)
    }

    fn baseline(&self) -> f32 {
        self.cells.first().map_or(0.0, |cell| cell.baseline)
    }

    /// Font size of most of the line.
    fn size(&self) -> f32 {
        self.widest().map_or(0.0, |cell| cell.size)
    }

    fn font(&self) -> u64 {
        self.widest().map_or(0, |cell| cell.font)
    }

    fn bold(&self) -> bool {
        !self.cells.is_empty() && self.cells.iter().all(|cell| cell.bold)
    }

    fn widest(&self) -> Option<&Segment> {
        self.cells.iter().max_by_key(|cell| cell.text.len())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for cell in &self.cells {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&cell.text);
        }
        text
    }
}

/// Reads a PDF; tells pages and progress on the way. The title is that of its metadata.
pub(crate) fn read(
    bytes: &[u8],
    limits: &Limits,
    tell: &mut dyn FnMut(Event) -> Result<(), Failure>,
) -> Result<(Vec<Block>, Option<String>), Failure> {
    let mut document = open(bytes)?;
    let pages = document.page_count().map_err(failure_of)?;
    let count = u32::try_from(pages).map_err(|_| Failure::TooLarge)?;
    if count > limits.pages_max {
        return Err(Failure::TooLarge);
    }
    if count == 0 {
        return Err(Failure::Damaged);
    }
    tell(Event::Pages(count))?;
    let title = title_of(&document);
    let mut lines = Vec::new();
    let mut unreadable = 0;
    for index in 0..pages {
        if index > 0 && index % PAGES_PER_OPENING == 0 {
            drop(document);
            document = open(bytes)?;
        }
        match glyphs::layers_of(&document, index, PAGE_GLYPHS_MAX) {
            Ok(layers) => {
                let page = lines_of(layers, index);
                lines.push(if is_readable(&page) { page } else { Vec::new() });
            }
            Err(Error::EncryptedPdf) => return Err(Failure::Encrypted),
            // One broken page does not take the others away.
            Err(_) => {
                unreadable += 1;
                lines.push(Vec::new());
            }
        }
        tell(Event::Progress(u32::try_from(index + 1).unwrap_or(count)))?;
    }
    drop(document);
    if unreadable == pages {
        return Err(Failure::Damaged);
    }
    furniture::remove(&mut lines);
    let lines = lines.into_iter().flatten().collect();
    Ok((paragraphs::blocks_of(lines), title))
}

/// False for pages whose fonts do not tell which letters they draw: signs instead of words.
fn is_readable(lines: &[Line]) -> bool {
    const SIGNS_MIN: usize = 40;
    let (mut signs, mut letters) = (0, 0);
    let texts = || lines.iter().flat_map(|line| &line.cells);
    for character in texts().flat_map(|cell| cell.text.chars()) {
        if !character.is_whitespace() && !matches!(character, '.' | '_' | '-' | '…' | '·') {
            signs += 1;
            letters += usize::from(character.is_alphanumeric());
        }
    }
    signs < SIGNS_MIN || letters * 2 >= signs
}

fn open(bytes: &[u8]) -> Result<PdfDocument, Failure> {
    let document = PdfDocument::from_bytes(bytes.to_vec()).map_err(failure_of)?;
    // Many documents are encrypted with an empty password, only to forbid changes.
    if document.is_encrypted()
        && !document.is_authenticated()
        && !matches!(document.authenticate(b""), Ok(true))
    {
        return Err(Failure::Encrypted);
    }
    Ok(document)
}

fn failure_of(error: Error) -> Failure {
    match error {
        Error::EncryptedPdf => Failure::Encrypted,
        _ => Failure::Damaged,
    }
}

fn title_of(document: &PdfDocument) -> Option<String> {
    let information = document.trailer().as_dict()?.get("Info")?.clone();
    let information = document.resolve_object(&information).ok()?;
    let title = document.resolve_object(information.as_dict()?.get("Title")?).ok()?;
    let title = clean(&pdf_oxide::optional_content::decode_pdf_text_string(title.as_string()?));
    // Producers put file names and placeholders here, which tell nobody anything.
    let useless = title.chars().filter(|c| c.is_alphabetic()).count() < 3
        || title.contains('\u{fffd}')
        || title.to_lowercase().starts_with("microsoft word - ")
        || title.to_lowercase().starts_with("untitled")
        || title.rsplit_once('.').is_some_and(|(_, ending)| {
            (2..=5).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric())
        });
    (!useless).then_some(title)
}

fn lines_of(layers: Vec<glyphs::Layer>, index: usize) -> Vec<Line> {
    let page = u32::try_from(index + 1).unwrap_or(u32::MAX);
    let mut lines = Vec::new();
    let mut column = 0;
    for layer in layers {
        let segments = segments::segments_of(layer.glyphs);
        columns::order(segments, &mut |region| {
            column += 1;
            let right =
                region.iter().flatten().map(|cell| cell.x1).fold(f32::NEG_INFINITY, f32::max);
            lines.extend(region.into_iter().map(|cells| Line {
                page,
                column,
                right,
                area: layer.frame.area(page, &cells),
                cells,
            }));
        });
    }
    lines
}
