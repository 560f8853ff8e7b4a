//! OpenDocument text.
//!
//! Reads the content and the list styles; headers and footers live in the styles and stay unread.
//! Pages do not exist before a program has laid the document out.

use std::collections::HashMap;

use crate::archive::Archive;
use crate::block::{Block, BlockKind, HeadingMark};
use crate::clean::clean;
use crate::failure::Failure;
use crate::flow::Flow;
use crate::limits::Limits;
use crate::numbering::{Numeral, raised};
use crate::xml::{Attributes, Node, walk};

/// Lists inside lists beyond this depth count like the innermost known one.
const LIST_DEPTH_MAX: usize = 10;

/// Reads a document: its blocks and its title.
pub(crate) fn read(
    bytes: Vec<u8>,
    limits: &Limits,
) -> Result<(Vec<Block>, Option<String>), Failure> {
    let mut archive = Archive::open(bytes, limits)?;
    if let Some(manifest) = archive.xml("META-INF/manifest.xml")?
        && manifest.contains("encryption-data")
    {
        return Err(Failure::Encrypted);
    }
    let content = archive.xml("content.xml")?.ok_or(Failure::Damaged)?;
    let mut lists = Lists::default();
    if let Some(styles) = archive.xml("styles.xml")? {
        lists.learn(&styles)?;
    }
    lists.learn(&content)?;
    let title = match archive.xml("meta.xml")? {
        Some(meta) => title_of(&meta)?,
        None => None,
    };
    let mut reader = Reader { lists, ..Reader::default() };
    walk(&content, &mut |node| {
        reader.node(node);
        Ok(())
    })?;
    Ok((reader.flow.finish(), title))
}

fn title_of(meta: &str) -> Result<Option<String>, Failure> {
    let mut title = String::new();
    let mut inside = false;
    walk(meta, &mut |node| {
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

/// How a level of a list writes its marks.
#[derive(Debug, Clone, Default)]
struct Level {
    numeral: Numeral,
    start: u32,
    prefix: String,
    suffix: String,
}

/// List styles by name.
#[derive(Debug, Default)]
struct Lists(HashMap<String, Vec<Level>>);

impl Lists {
    fn learn(&mut self, part: &str) -> Result<(), Failure> {
        let mut open: Option<String> = None;
        walk(part, &mut |node| {
            match node {
                Node::Open("list-style", attributes) => {
                    open = attributes.get("name");
                    if let Some(name) = &open {
                        self.0.insert(name.clone(), Vec::new());
                    }
                }
                Node::Close("list-style") => open = None,
                Node::Open(name, attributes) if name.starts_with("list-level-style-") => {
                    let levels = open.as_ref().and_then(|open| self.0.get_mut(open));
                    if let Some(levels) = levels.filter(|levels| levels.len() < LIST_DEPTH_MAX) {
                        levels.push(Level::of(name, attributes));
                    }
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn level(&self, style: Option<&str>, depth: usize) -> Level {
        let levels = style.and_then(|style| self.0.get(style));
        let level = levels.and_then(|levels| levels.get(depth.min(levels.len().max(1) - 1)));
        level.cloned().unwrap_or_else(|| Level { numeral: Numeral::Bullet, ..Level::default() })
    }
}

impl Level {
    fn of(name: &str, attributes: &Attributes<'_>) -> Self {
        let numeral = match attributes.get("num-format").as_deref() {
            _ if name != "list-level-style-number" => Numeral::Bullet,
            Some("1") => Numeral::Decimal,
            Some("a") => Numeral::Letter,
            Some("A") => Numeral::CapitalLetter,
            Some("i") => Numeral::Roman,
            Some("I") => Numeral::CapitalRoman,
            _ => Numeral::Nothing,
        };
        let short = |name| {
            let text: String = attributes.get(name).unwrap_or_default();
            text.chars().take(16).collect()
        };
        Self {
            numeral,
            start: attributes.number("start-value").unwrap_or(1),
            prefix: short("num-prefix"),
            suffix: short("num-suffix"),
        }
    }

    fn mark(&self, number: u32) -> String {
        match self.numeral {
            Numeral::Bullet | Numeral::Nothing => self.numeral.write(number),
            _ => format!("{}{}{}", self.prefix, self.numeral.write(number), self.suffix),
        }
    }
}

#[derive(Default)]
struct Reader {
    lists: Lists,
    flow: Flow,
    /// Open paragraphs; text boxes and notes stand inside the paragraph that anchors them.
    paragraphs: Vec<Paragraph>,
    open_lists: Vec<OpenList>,
    /// Depth inside an element whose content is not shown.
    hidden: usize,
    /// True between the tags of a note's own mark.
    in_citation: bool,
    note_number: u32,
    /// Notes of the open paragraphs, and how many paragraphs were open where each began.
    notes: Vec<(usize, String)>,
}

struct Paragraph {
    text: String,
    level: Option<u8>,
    notes: Vec<String>,
}

struct OpenList {
    style: Option<String>,
    level: Level,
    next: u32,
    /// Mark of the open item, until its first paragraph takes it.
    mark: Option<String>,
}

impl Reader {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open(name, attributes) => self.open(name, attributes),
            Node::Close(name) => self.close(name),
            Node::Text(text) => {
                if self.hidden == 0 && !self.in_citation {
                    self.add(text);
                }
            }
        }
    }

    fn add(&mut self, text: &str) {
        // Inside a note, its text is collected apart.
        if let Some((depth, note)) = self.notes.last_mut()
            && self.paragraphs.len() > *depth
        {
            note.push_str(text);
        } else if let Some(paragraph) = self.paragraphs.last_mut() {
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
            "h" => self.begin(Some(attributes.number("outline-level").unwrap_or(1))),
            "p" => self.begin(None),
            "s" | "tab" | "line-break" => self.add(" "),
            "list" => self.begin_list(attributes),
            "list-item" => self.begin_item(attributes),
            "table-row" => self.flow.begin_row(),
            "table-cell" => self.flow.begin_cell(),
            "note-citation" => self.in_citation = true,
            "note" => {
                self.note_number += 1;
                let mark = raised(self.note_number);
                self.add(&mark);
                self.notes.push((self.paragraphs.len(), format!("{mark} ")));
            }
            _ => {}
        }
    }

    fn begin(&mut self, level: Option<u8>) {
        self.paragraphs.push(Paragraph { text: String::new(), level, notes: Vec::new() });
    }

    fn begin_list(&mut self, attributes: &Attributes<'_>) {
        let depth = self.open_lists.len();
        let style = attributes
            .get("style-name")
            .or_else(|| self.open_lists.last().and_then(|list| list.style.clone()));
        let level = self.lists.level(style.as_deref(), depth);
        self.open_lists.push(OpenList { style, next: level.start, level, mark: None });
    }

    fn begin_item(&mut self, attributes: &Attributes<'_>) {
        if let Some(list) = self.open_lists.last_mut() {
            let number = attributes.number("start-value").unwrap_or(list.next);
            list.next = number.saturating_add(1);
            list.mark = Some(list.level.mark(number));
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
            "h" | "p" => self.end(),
            "list" => {
                self.open_lists.pop();
            }
            "table-row" => self.flow.end_row(),
            "table-cell" => self.flow.end(),
            "note-citation" => self.in_citation = false,
            "note" => {
                let note = self.notes.pop().map(|(_, text)| clean(&text));
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.notes.extend(note);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        let Some(paragraph) = self.paragraphs.pop() else {
            return;
        };
        if let Some((depth, note)) = self.notes.last_mut()
            && self.paragraphs.len() >= *depth
        {
            note.push(' ');
            note.push_str(&paragraph.text);
            return;
        }
        let mark = match self.open_lists.last_mut() {
            Some(list) if !clean(&paragraph.text).is_empty() => list.mark.take(),
            _ => None,
        };
        let kind = match paragraph.level {
            Some(level) if !self.flow.in_row() => {
                BlockKind::Heading(HeadingMark { level: Some(level), prominence: None })
            }
            _ if !self.open_lists.is_empty() => BlockKind::ListItem,
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
}

/// Deleted text, comments, form controls, and what a program repeats from elsewhere.
fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "tracked-changes"
            | "annotation"
            | "forms"
            | "automatic-styles"
            | "title"
            | "desc"
            | "hidden-text"
            | "variable-decls"
            | "sequence-decls"
            | "index-title-template"
            | "script"
            | "ruby-text"
    )
}
