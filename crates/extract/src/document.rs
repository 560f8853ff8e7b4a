//! From the bytes of a document to its passages: picks the reader, checks the limits.
//!
//! Runs inside the child process; knows nothing of processes itself.

use crate::block::Block;
use crate::decode;
use crate::detect::{Format, HEAD_BYTES, detect};
use crate::event::Event;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::passages;
use crate::{docx, html, markdown, odt, pdf, plain};

/// Receives what reading yields; an error ends the reading.
pub(crate) type Sink<'a> = dyn FnMut(Event) -> Result<(), Failure> + 'a;

/// Reads a whole document and hands its title, pages and passages to `sink`.
pub(crate) fn read(
    bytes: Vec<u8>,
    name: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Format, Failure> {
    if is_encrypted_office(&bytes) {
        return Err(Failure::Encrypted);
    }
    let format = detect(&bytes, name)?;
    sink(Event::Format(format))?;
    let (blocks, title) = match format {
        Format::Html => {
            let text = html::decode(&bytes).ok_or(Failure::Unsupported)?;
            drop(bytes);
            let page = html::read(&text);
            (page.blocks, page.title)
        }
        Format::Markdown => {
            let page = markdown::read(&text_of(bytes)?);
            let title = passages::title_of(&page.blocks).or(page.title);
            (page.blocks, title)
        }
        Format::Text => (plain::read(&text_of(bytes)?), None),
        Format::Pdf => {
            let (blocks, metadata) = pdf::read(&bytes, limits, sink)?;
            drop(bytes);
            (blocks, metadata)
        }
        Format::Docx => docx::read(bytes, limits)?,
        Format::Odt => odt::read(bytes, limits)?,
    };
    emit(blocks, title, limits, sink)?;
    Ok(format)
}

/// Office programs wrap an encrypted package into the container of their old formats.
fn is_encrypted_office(bytes: &[u8]) -> bool {
    const CONTAINER: &[u8] = b"\xd0\xcf\x11\xe0";
    const STREAM: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
    bytes.starts_with(CONTAINER) && bytes.windows(STREAM.len()).any(|window| window == STREAM)
}

/// Reads a document in this very process, without any of the child's protection.
///
/// For tests, fuzzing and measuring. A document may take all memory, all time, or panic.
pub fn read_unprotected(
    bytes: Vec<u8>,
    name: &str,
    limits: &Limits,
    on_event: &mut dyn FnMut(Event),
) -> Result<Format, Failure> {
    read(bytes, name, limits, &mut |event| {
        on_event(event);
        Ok(())
    })
}

fn text_of(bytes: Vec<u8>) -> Result<String, Failure> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let encoding = decode::encoding_of(head).ok_or(Failure::Unsupported)?;
    Ok(decode::decode(&bytes, encoding))
}

fn emit(
    blocks: Vec<Block>,
    title: Option<String>,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    if blocks.is_empty() {
        return Err(Failure::NoText);
    }
    if let Some(title) = title.or_else(|| passages::title_of(&blocks)) {
        sink(Event::Title(title))?;
    }
    let mut count = 0;
    passages::build(blocks, &mut |passage| {
        count += 1;
        if count > limits.passages_max {
            return Err(Failure::TooLarge);
        }
        sink(Event::Passage(passage))
    })?;
    if count == 0 {
        return Err(Failure::NoText);
    }
    Ok(())
}
