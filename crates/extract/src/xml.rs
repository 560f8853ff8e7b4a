//! XML as a flat walk: elements by local name, text, no entities but the built-in ones.
//!
//! Nothing is expanded and nothing is fetched, so that document types cannot do harm.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::failure::Failure;

/// Elements inside elements; office documents stay below a hundred. Beyond: `TooLarge`.
const DEPTH_MAX: usize = 2_000;

/// One step of the walk.
pub(crate) enum Node<'a> {
    /// An element begins.
    Open(&'a str, &'a Attributes<'a>),
    /// An element ends.
    Close(&'a str),
    /// Text between tags.
    Text(&'a str),
}

/// The attributes of an element.
pub(crate) struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// The value of the first attribute with this local name.
    pub(crate) fn get(&self, local: &str) -> Option<String> {
        let found = self
            .0
            .attributes()
            .with_checks(false)
            .filter_map(Result::ok)
            .find(|attribute| attribute.key.local_name().as_ref() == local)?;
        let value = found.normalized_value(quick_xml::XmlVersion::Explicit1_0).ok()?;
        Some(value.into_owned())
    }

    /// The value as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, local: &str) -> Option<T> {
        self.get(local)?.trim().parse().ok()
    }
}

/// Walks through a document. Anything that is not well-formed is `Damaged`.
pub(crate) fn walk(
    xml: &str,
    visit: &mut dyn FnMut(Node<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|_| Failure::Damaged)? {
            Event::Start(element) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Failure::TooLarge);
                }
                visit(Node::Open(element.local_name().as_ref(), &Attributes(&element)))?;
            }
            Event::Empty(element) => {
                let name = element.local_name();
                visit(Node::Open(name.as_ref(), &Attributes(&element)))?;
                visit(Node::Close(name.as_ref()))?;
            }
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                visit(Node::Close(element.local_name().as_ref()))?;
            }
            Event::Text(text) => visit(Node::Text(&text.into_inner()))?,
            Event::CData(text) => visit(Node::Text(&text.into_inner()))?,
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    Ok(None) => resolve_predefined_entity(&reference.into_inner())
                        .unwrap_or_default()
                        .to_owned(),
                    Err(_) => String::new(),
                };
                visit(Node::Text(&resolved))?;
            }
            // The end may come too early: a cut-off document.
            Event::Eof if depth > 0 => return Err(Failure::Damaged),
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}
