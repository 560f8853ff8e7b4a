//! Markdown with tables, footnotes and definition lists; embedded HTML gives its visible text.

use std::collections::HashMap;

use pulldown_cmark::{
    CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd,
};

use crate::block::{Block, BlockKind, HeadingMark};
use crate::clean::clean;
use crate::flow::Flow;
use crate::html;
use crate::numbering::raised;

/// What a Markdown text yields.
pub(crate) struct Markdown {
    /// The blocks in reading order.
    pub(crate) blocks: Vec<Block>,
    /// Title from the front matter, if it has one.
    pub(crate) title: Option<String>,
}

/// Reads a Markdown text.
pub(crate) fn read(text: &str) -> Markdown {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, options) {
        reader.event(event);
    }
    Markdown { blocks: reader.flow.finish(), title: reader.title }
}

#[derive(Default)]
struct Reader {
    flow: Flow,
    title: Option<String>,
    /// Raw text of an open HTML block or of the front matter.
    raw: Option<String>,
    /// Numbers of footnotes by their name, in the order of appearance.
    footnotes: HashMap<String, u32>,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) if self.raw.is_some() => {
                if let Some(raw) = &mut self.raw {
                    raw.push_str(&text);
                }
            }
            Event::Text(text) | Event::Code(text) => self.flow.text(&text),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.flow.text(&text),
            Event::SoftBreak | Event::HardBreak => self.flow.space(),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.flow.space(),
            Event::FootnoteReference(name) => {
                let mark = self.footnote(&name);
                self.flow.text(&mark);
            }
            Event::TaskListMarker(done) => self.flow.text(if done { "[x] " } else { "[ ] " }),
            Event::Rule => self.flow.end(),
            Event::InlineHtml(_) | Event::Html(_) => {}
        }
    }

    fn footnote(&mut self, name: &str) -> String {
        let next = u32::try_from(self.footnotes.len() + 1).unwrap_or(u32::MAX);
        raised(*self.footnotes.entry(name.to_owned()).or_insert(next))
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.flow.begin(BlockKind::Heading(HeadingMark {
                level: Some(depth_of(level)),
                prominence: None,
            })),
            Tag::List(first) => self.flow.begin_list(first),
            Tag::Item => self.flow.begin_item(),
            Tag::TableHead | Tag::TableRow => self.flow.begin_row(),
            Tag::TableCell => self.flow.begin_cell(),
            Tag::FootnoteDefinition(name) => {
                self.flow.end();
                let mark = self.footnote(&name);
                self.flow.mark(&mark);
            }
            Tag::HtmlBlock | Tag::MetadataBlock(MetadataBlockKind::YamlStyle) => {
                self.flow.end();
                self.raw = Some(String::new());
            }
            Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_))
            | Tag::DefinitionListTitle => self.flow.end(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionListDefinition
            | TagEnd::Item => self.flow.end(),
            // A term stays with its definition.
            TagEnd::DefinitionListTitle => self.flow.space(),
            TagEnd::List(_) => self.flow.end_list(),
            TagEnd::TableHead | TagEnd::TableRow => self.flow.end_row(),
            TagEnd::HtmlBlock => {
                let raw = self.raw.take().unwrap_or_default();
                self.flow.append(html::read(&raw).blocks);
            }
            TagEnd::MetadataBlock(_) => {
                let raw = self.raw.take().unwrap_or_default();
                self.title = self.title.take().or_else(|| title_line(&raw));
            }
            _ => {}
        }
    }
}

fn depth_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// The title among simple `key: value` lines.
fn title_line(front_matter: &str) -> Option<String> {
    front_matter
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("title"))
        .map(|(_, value)| clean(value.trim().trim_matches(['"', '\''])))
        .filter(|title| !title.is_empty())
}
