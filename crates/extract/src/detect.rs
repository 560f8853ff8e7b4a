//! Decides the format by content; the name only tells Markdown from plain text.

use serde::{Deserialize, Serialize};

use crate::decode;
use crate::failure::Failure;

/// How many bytes from the start of a file [`detect`] wants to see.
pub const HEAD_BYTES: usize = 64 << 10;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Portable Document Format.
    Pdf,
    /// Office Open XML text document.
    Docx,
    /// OpenDocument text.
    Odt,
    /// HTML page.
    Html,
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
}

impl Format {
    /// Stable name, as stored and sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Odt => "odt",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Text => "text",
        }
    }

    /// Media type under which the original is served.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::Text => "text/plain",
        }
    }
}

/// Decides the format from the first [`HEAD_BYTES`] of a file.
///
/// `NoText` for an empty file, `Unsupported` for everything that is not in [`Format`]. A zip
/// container may turn out to be something else when it is read; that is `Unsupported` then.
pub fn detect(head: &[u8], name: &str) -> Result<Format, Failure> {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if head.is_empty() {
        return Err(Failure::NoText);
    }
    if is_pdf(head) {
        return Ok(Format::Pdf);
    }
    if head.starts_with(b"PK\x03\x04") {
        return office_of(head);
    }
    if is_foreign(head) {
        return Err(Failure::Unsupported);
    }
    let encoding = decode::encoding_of(head).ok_or(Failure::Unsupported)?;
    let text = decode::decode(head, encoding);
    if text.trim().is_empty() {
        return Err(Failure::NoText);
    }
    text_format_of(&text, name)
}

/// The header may stand behind a few bytes of something else, as readers tolerate.
fn is_pdf(head: &[u8]) -> bool {
    let start = &head[..head.len().min(1024)];
    start.windows(5).any(|window| window == b"%PDF-")
}

/// Formats that begin with printable bytes but are not text to read.
fn is_foreign(head: &[u8]) -> bool {
    const STARTS: [&[u8]; 9] = [
        b"{\\rtf",
        b"%!PS",
        b"\xd0\xcf\x11\xe0",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"RIFF",
        b"II*\0",
        b"MM\0*",
    ];
    STARTS.iter().any(|start| head.starts_with(start))
}

fn office_of(head: &[u8]) -> Result<Format, Failure> {
    const ODT: &[u8] = b"application/vnd.oasis.opendocument.text";
    let contains = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    // OpenDocument stores its media type uncompressed as the first member.
    if let Some(at) = head.windows(ODT.len()).position(|window| window == ODT)
        && at < 128
    {
        // "…text-master" and "…text-template" are other formats of the same family.
        return match head.get(at + ODT.len()) {
            Some(b'-') => Err(Failure::Unsupported),
            _ => Ok(Format::Odt),
        };
    }
    if contains(b"word/") {
        return Ok(Format::Docx);
    }
    if contains(b"xl/") || contains(b"ppt/") || contains(b"mimetypeapplication/") {
        return Err(Failure::Unsupported);
    }
    if contains(b"[Content_Types].xml") || contains(b"_rels/.rels") {
        // Which member is the main one shows only in the container's directory.
        return Ok(Format::Docx);
    }
    Err(Failure::Unsupported)
}

fn text_format_of(text: &str, name: &str) -> Result<Format, Failure> {
    let start = after_prolog(text);
    if begins_with_tag(start, &["!doctype html", "html", "head", "body"]) {
        return Ok(Format::Html);
    }
    if start.starts_with("<?xml") || begins_with_tag(start, &["!doctype", "svg"]) {
        return Err(Failure::Unsupported);
    }
    let name = name.to_lowercase();
    if [".md", ".markdown", ".mdown", ".mkd"].iter().any(|ending| name.ends_with(ending)) {
        return Ok(Format::Markdown);
    }
    const LOOSE: [&str; 22] = [
        "title", "meta", "link", "script", "style", "div", "p", "h1", "h2", "h3", "table", "ul",
        "ol", "main", "article", "section", "header", "nav", "span", "center", "font", "br",
    ];
    if begins_with_tag(start, &LOOSE) {
        return Ok(Format::Html);
    }
    Ok(Format::Text)
}

/// The text behind white space, byte order mark, comments and an XML declaration of XHTML.
fn after_prolog(text: &str) -> &str {
    let mut rest = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    while let Some(comment) = rest.strip_prefix("<!--") {
        match comment.find("-->") {
            Some(end) => rest = comment[end + 3..].trim_start(),
            None => return rest,
        }
    }
    let Some(declaration) = rest.strip_prefix("<?xml") else {
        return rest;
    };
    let after = declaration.find("?>").map_or("", |end| declaration[end + 2..].trim_start());
    if begins_with_tag(after, &["!doctype html", "html"]) { after } else { rest }
}

fn begins_with_tag(text: &str, tags: &[&str]) -> bool {
    let Some(rest) = text.strip_prefix('<') else {
        return false;
    };
    tags.iter().any(|tag| {
        rest.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
            && rest[tag.len()..]
                .chars()
                .next()
                .is_none_or(|next| next.is_whitespace() || matches!(next, '>' | '/'))
    })
}
