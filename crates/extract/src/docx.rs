//! Office Open XML text documents.
//!
//! Reads the main part, styles, numbering and notes; headers and footers are other parts and stay
//! unread. Pages do not exist before a program has laid the document out.

mod numbers;
mod styles;

use std::collections::HashMap;

use crate::archive::Archive;
use crate::block::{Block, BlockKind, HeadingMark};
use crate::clean::clean;
use crate::failure::Failure;
use crate::flow::Flow;
use crate::limits::Limits;
use crate::numbering::raised;
use crate::xml::{Attributes, Node, walk};

use numbers::Numbers;
use styles::Styles;

/// Reads a document: its blocks and its title.
pub(crate) fn read(
    bytes: Vec<u8>,
    limits: &Limits,
) -> Result<(Vec<Block>, Option<String>), Failure> {
    let mut archive = Archive::open(bytes, limits)?;
    let main = main_part(&mut archive)?;
    let Some(body) = archive.xml(&main)? else {
        // A container of the same family: a table or a presentation.
        return Err(Failure::Unsupported);
    };
    let beside = |name: &str| match main.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    };
    let mut part = |name: &str| Ok(archive.xml(&beside(name))?.unwrap_or_default());
    let styles = Styles::read(&part("styles.xml")?)?;
    let numbers = Numbers::read(&part("numbering.xml")?)?;
    let mut notes = read_notes(&part("footnotes.xml")?, "footnote")?;
    notes.extend(read_notes(&part("endnotes.xml")?, "endnote")?);
    let title = match archive.xml("docProps/core.xml")? {
        Some(core) => title_of(&core)?,
        None => None,
    };
    let mut reader = Reader { styles, numbers, notes, ..Reader::default() };
    walk(&body, &mut |node| {
        reader.node(node);
        Ok(())
    })?;
    Ok((reader.finish(), title))
}

/// The name of the main part, by the relations of the package.
fn main_part(archive: &mut Archive) -> Result<String, Failure> {
    let mut target = None;
    if let Some(relations) = archive.xml("_rels/.rels")? {
        walk(&relations, &mut |node| {
            if let Node::Open("Relationship", attributes) = node
                && attributes.get("Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
            {
                target = attributes.get("Target");
            }
            Ok(())
        })?;
    }
    let target = target.unwrap_or_else(|| "word/document.xml".to_owned());
    let target = target.trim_start_matches('/').to_owned();
    // Only text documents live in this folder.
    if target.starts_with("xl/") || target.starts_with("ppt/") {
        return Err(Failure::Unsupported);
    }
    Ok(target)
}

fn title_of(core: &str) -> Result<Option<String>, Failure> {
    let mut title = String::new();
    let mut inside = false;
    walk(core, &mut |node| {
        match node {
            Node::Open("title", _) => inside = true,
            Node::Close("title") => inside = false,
            Node::Text(text) if inside => title.push_str(text),
            _ => {}
        }
        Ok(())
    })?;
    let title = clean(&title);
    Ok((!title.is_empty()).then_some(title))
}

/// Kinds of notes have separate numbers.
type Notes = HashMap<(&'static str, String), String>;

fn read_notes(part: &str, kind: &'static str) -> Result<Notes, Failure> {
    let mut notes = Notes::new();
    let mut open: Option<(String, String)> = None;
    let mut in_text = false;
    walk(part, &mut |node| {
        match node {
            // Separator lines are notes too, but of a special type.
            Node::Open(name, attributes) if name == kind && attributes.get("type").is_none() => {
                open = attributes.get("id").map(|id| (id, String::new()));
            }
            Node::Close(name) if name == kind => {
                if let Some((id, text)) = open.take() {
                    notes.insert((kind, id), clean(&text));
                }
            }
            Node::Open("t", _) => in_text = true,
            Node::Close("t") => in_text = false,
            Node::Open("tab" | "br", _) | Node::Close("p") => push(&mut open, " "),
            Node::Text(text) if in_text => push(&mut open, text),
            _ => {}
        }
        Ok(())
    })?;
    Ok(notes)
}

fn push(open: &mut Option<(String, String)>, text: &str) {
    if let Some((_, note)) = open {
        note.push_str(text);
    }
}

#[derive(Default)]
struct Reader {
    styles: Styles,
    numbers: Numbers,
    notes: Notes,
    flow: Flow,
    /// Open paragraphs; text boxes stand inside the paragraph that anchors them.
    paragraphs: Vec<Paragraph>,
    /// Depth inside an element whose content is not shown.
    hidden: usize,
    in_text: bool,
    note_number: u32,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    /// Explicit outline level, 0 is the highest; 9 is running text.
    outline: Option<u8>,
    /// List and level.
    number: (Option<String>, Option<usize>),
    notes: Vec<String>,
    in_properties: bool,
    vanished: bool,
}

impl Reader {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open(name, attributes) => self.open(name, attributes),
            Node::Close(name) => self.close(name),
            Node::Text(text) => {
                if self.in_text && self.hidden == 0 {
                    self.add(text);
                }
            }
        }
    }

    fn add(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut()
            && !paragraph.vanished
        {
            paragraph.text.push_str(text);
        }
    }

    fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        if is_hidden(name) {
            self.hidden += 1;
        }
        if self.hidden > 0 {
            return;
        }
        match name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.in_text = true,
            "tab" | "br" | "cr" => self.add(" "),
            "noBreakHyphen" => self.add("-"),
            "tr" => self.flow.begin_row(),
            "tc" => self.flow.begin_cell(),
            "footnoteReference" => self.note("footnote", attributes),
            "endnoteReference" => self.note("endnote", attributes),
            _ => self.property(name, attributes),
        }
    }

    fn property(&mut self, name: &str, attributes: &Attributes<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        match name {
            "pPr" => paragraph.in_properties = true,
            "r" => paragraph.vanished = false,
            "pStyle" => paragraph.style = attributes.get("val"),
            "outlineLvl" if paragraph.in_properties => paragraph.outline = attributes.number("val"),
            "numId" if paragraph.in_properties => paragraph.number.0 = attributes.get("val"),
            "ilvl" if paragraph.in_properties => paragraph.number.1 = attributes.number("val"),
            // Inside the properties it is the paragraph's mark that is hidden, not its text.
            "vanish" if !paragraph.in_properties => {
                let shown = attributes.get("val");
                paragraph.vanished = !matches!(shown.as_deref(), Some("0" | "false"));
            }
            _ => {}
        }
    }

    fn note(&mut self, kind: &'static str, attributes: &Attributes<'_>) {
        let Some(id) = attributes.get("id") else {
            return;
        };
        let Some(text) = self.notes.get(&(kind, id)).cloned() else {
            return;
        };
        self.note_number += 1;
        let mark = raised(self.note_number);
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(&mark);
            paragraph.notes.push(format!("{mark} {text}"));
        }
    }

    fn close(&mut self, name: &str) {
        if is_hidden(name) {
            self.hidden = self.hidden.saturating_sub(1);
            return;
        }
        if self.hidden > 0 {
            return;
        }
        match name {
            "t" => self.in_text = false,
            "r" => self.vanish_ends(),
            "pPr" => {
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.in_properties = false;
                }
            }
            "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.write(paragraph);
                }
            }
            "tr" => self.flow.end_row(),
            "tc" => self.flow.end(),
            _ => {}
        }
    }

    fn vanish_ends(&mut self) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.vanished = false;
        }
    }

    fn write(&mut self, paragraph: Paragraph) {
        let style = self.styles.get(paragraph.style.as_deref());
        let list = paragraph.number.0.or(style.list);
        let level = paragraph.number.1.or(style.list_level).unwrap_or(0);
        // A number that is counted counts even if its paragraph is empty to the eye.
        let mark = match list.filter(|list| list != "0") {
            Some(list) if !clean(&paragraph.text).is_empty() => self.numbers.next(&list, level),
            _ => None,
        };
        let outline = paragraph.outline.or(style.outline).filter(|level| *level < 9);
        let kind = match outline {
            Some(level) if !self.flow.in_row() => BlockKind::Heading(HeadingMark {
                // A title style stands above the first level.
                level: Some(if style.title { 0 } else { level + 1 }),
                prominence: None,
            }),
            _ if mark.is_some() => BlockKind::ListItem,
            _ => BlockKind::Paragraph,
        };
        self.flow.begin(kind);
        self.flow.mark(mark.as_deref().unwrap_or_default());
        self.flow.text(&paragraph.text);
        self.flow.end();
        for note in paragraph.notes {
            self.flow.begin(BlockKind::Paragraph);
            self.flow.text(&note);
            self.flow.end();
        }
    }

    fn finish(self) -> Vec<Block> {
        self.flow.finish()
    }
}

/// Deleted text, what a newer program shows otherwise, and comments.
fn is_hidden(name: &str) -> bool {
    matches!(name, "del" | "moveFrom" | "Fallback" | "comment" | "instrText")
}
