//! The visible text of an HTML page.
//!
//! Uses the tokenizer alone: no tree is built, so that no nesting, however deep, costs anything.

use std::cell::RefCell;

use encoding_rs::Encoding;
use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, EndTag, StartTag, Tag, TagToken, Token, TokenSink,
    TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::block::{Block, BlockKind, HeadingMark};
use crate::clean::clean;
use crate::decode;
use crate::flow::Flow;

/// The tokenizer is fed in pieces of this many bytes.
const FEED_BYTES: usize = 64 << 10;
/// A declaration of the encoding stands within this many bytes, as browsers hold it.
const DECLARATION_BYTES: usize = 1024;

/// What an HTML page yields.
pub(crate) struct Html {
    /// The blocks in reading order.
    pub(crate) blocks: Vec<Block>,
    /// The page's title.
    pub(crate) title: Option<String>,
}

/// Decodes a page by its mark, its own declaration or its bytes; none if this is no text.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = marked
        .or_else(|| declared(&bytes[..bytes.len().min(DECLARATION_BYTES)]))
        .or_else(|| decode::encoding_of(bytes))?;
    Some(decode::decode(bytes, encoding))
}

fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let after = &head[head.find("charset=")? + "charset=".len()..];
    let label: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    // A page that could be read so far is not in UTF-16, whatever it says.
    Encoding::for_label(label.as_bytes()).filter(|encoding| encoding.is_ascii_compatible())
}

/// Reads a page.
pub(crate) fn read(text: &str) -> Html {
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.floor_char_boundary(FEED_BYTES));
        rest = tail;
        queue.push_back(StrTendril::from_slice(piece));
        while !matches!(tokenizer.feed(&queue), TokenizerResult::Done) {}
    }
    tokenizer.end();
    let page = tokenizer.sink.page.take();
    let title = clean(&page.title);
    Html { blocks: page.flow.finish(), title: (!title.is_empty()).then_some(title) }
}

#[derive(Default)]
struct Sink {
    page: RefCell<Page>,
}

#[derive(Default)]
struct Page {
    flow: Flow,
    title: String,
    in_title: bool,
    /// Name of an invisible element and how many of that name are open.
    hidden: Option<(String, usize)>,
    /// True directly behind a line break: a second one ends the paragraph.
    after_break: bool,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.page.borrow_mut();
        match token {
            CharacterTokens(text) => page.characters(&text),
            TagToken(tag) if tag.kind == StartTag => return page.start(&tag),
            TagToken(tag) if tag.kind == EndTag => page.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn characters(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        } else if self.hidden.is_none() {
            self.after_break &= text.trim().is_empty();
            self.flow.text(text);
        }
    }

    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if matches!(&self.hidden, Some((hidden, _)) if implies_end(hidden, name)) {
            self.hidden = None;
        }
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                *depth += 1;
            }
        } else if name == "title" {
            self.in_title = self.title.is_empty();
            if !self.in_title {
                self.hidden = Some((name.to_owned(), 1));
            }
        } else if is_invisible(tag) {
            self.hidden = Some((name.to_owned(), 1));
        } else {
            self.open(tag);
        }
        match name {
            "script" => TokenSinkResult::RawData(ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                TokenSinkResult::RawData(Rawtext)
            }
            "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    fn open(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        match name {
            "br" if self.after_break => self.flow.end(),
            "br" => {
                self.flow.space();
                self.after_break = true;
                return;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if !self.flow.in_row() => {
                self.flow.begin(BlockKind::Heading(HeadingMark {
                    level: Some(name.as_bytes()[1] - b'0'),
                    prominence: None,
                }));
            }
            "ul" | "menu" => self.flow.begin_list(None),
            "ol" => self.flow.begin_list(Some(number_of(tag, "start").unwrap_or(1))),
            "li" => self.flow.begin_item(),
            "tr" => self.flow.begin_row(),
            "td" | "th" => self.flow.begin_cell(),
            _ if is_block(name) => self.flow.end(),
            _ => {}
        }
        self.after_break = false;
    }

    fn end(&mut self, name: &str) {
        if name == "title" && self.in_title {
            self.in_title = false;
            return;
        }
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                *depth -= 1;
                if *depth == 0 {
                    self.hidden = None;
                }
            }
            return;
        }
        match name {
            "ul" | "menu" | "ol" => self.flow.end_list(),
            "tr" => self.flow.end_row(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "li" | "td" | "th" => self.flow.end(),
            _ if is_block(name) => self.flow.end(),
            _ => {}
        }
    }
}

fn number_of(tag: &Tag, attribute: &str) -> Option<u64> {
    let found = tag.attrs.iter().find(|candidate| &*candidate.name.local == attribute)?;
    found.value.trim().parse().ok()
}

/// Elements that browsers do not show, or whose content is a program and not text.
fn is_invisible(tag: &Tag) -> bool {
    const NEVER_SHOWN: [&str; 19] = [
        "script", "style", "template", "noscript", "iframe", "noembed", "noframes", "textarea",
        "object", "applet", "canvas", "audio", "video", "svg", "select", "datalist", "math", "rp",
        "dialog",
    ];
    let name: &str = &tag.name;
    if tag.self_closing && name == "svg" || is_void(name) {
        return false;
    }
    NEVER_SHOWN.contains(&name) || tag.attrs.iter().any(hides)
}

fn hides(attribute: &html5ever::Attribute) -> bool {
    match &*attribute.name.local {
        "hidden" => &*attribute.value != "until-found",
        "style" => {
            let style: String = attribute
                .value
                .chars()
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
                .to_ascii_lowercase();
            style.contains("display:none") || style.contains("visibility:hidden")
        }
        _ => false,
    }
}

/// True if `hidden` may lack its end tag and ends where `next` begins.
fn implies_end(hidden: &str, next: &str) -> bool {
    match hidden {
        "p" => next == "p" || next == "li" || is_block(next),
        "li" | "dt" | "dd" | "td" | "th" | "tr" => next == hidden,
        _ => false,
    }
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "main"
            | "nav"
            | "optgroup"
            | "option"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
    )
}
