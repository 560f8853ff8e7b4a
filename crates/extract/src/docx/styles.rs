//! Paragraph styles: which are headings, which belong to a list.

use std::collections::HashMap;

use crate::failure::Failure;
use crate::xml::{Attributes, Node, walk};

/// Styles based on styles beyond this many steps are a circle.
const STEPS_MAX: usize = 32;

/// What a style means for a paragraph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Style {
    /// Outline level, 0 is the highest.
    pub(crate) outline: Option<u8>,
    /// List that numbers the paragraph.
    pub(crate) list: Option<String>,
    /// Level in that list.
    pub(crate) list_level: Option<usize>,
    /// True for the title of the document.
    pub(crate) title: bool,
    based_on: Option<String>,
}

/// All styles of a document.
#[derive(Debug, Default)]
pub(crate) struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads the part with the styles.
    pub(crate) fn read(part: &str) -> Result<Self, Failure> {
        let mut styles = HashMap::new();
        let mut open: Option<(String, Style)> = None;
        walk(part, &mut |node| {
            match node {
                Node::Open("style", attributes) => {
                    open = attributes.get("styleId").map(|id| (id, Style::default()));
                }
                Node::Close("style") => styles.extend(open.take()),
                Node::Open(name, attributes) => {
                    if let Some((_, style)) = &mut open {
                        style.note(name, attributes);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self(styles))
    }

    /// The style with everything it takes over from those it is based on.
    pub(crate) fn get(&self, id: Option<&str>) -> Style {
        let mut whole = Style::default();
        let mut next = id.map(str::to_owned);
        for _ in 0..STEPS_MAX {
            let Some(style) = next.and_then(|id| self.0.get(&id)) else {
                break;
            };
            whole.outline = whole.outline.or(style.outline);
            whole.list_level = whole.list_level.or(style.list_level);
            whole.list = whole.list.take().or_else(|| style.list.clone());
            whole.title |= style.title;
            next = style.based_on.clone();
        }
        whole
    }
}

impl Style {
    fn note(&mut self, name: &str, attributes: &Attributes<'_>) {
        match name {
            "name" => {
                let name = attributes.get("val").unwrap_or_default().to_lowercase();
                self.title = matches!(name.as_str(), "title" | "titel");
                self.outline = self.outline.or_else(|| outline_by_name(&name));
            }
            "outlineLvl" => self.outline = attributes.number("val"),
            "basedOn" => self.based_on = attributes.get("val"),
            "numId" => self.list = attributes.get("val"),
            "ilvl" => self.list_level = attributes.number("val"),
            _ => {}
        }
    }
}

/// Built-in headings keep their English name in every language; others are named by people.
fn outline_by_name(name: &str) -> Option<u8> {
    if matches!(name, "title" | "titel") {
        return Some(0);
    }
    let level = name.strip_prefix("heading ").or_else(|| name.strip_prefix("überschrift "))?;
    let level: u8 = level.trim().parse().ok()?;
    (1..=9).contains(&level).then(|| level - 1)
}
