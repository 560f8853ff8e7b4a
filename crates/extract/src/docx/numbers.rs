//! Automatic numbers of lists and headings.

use std::collections::HashMap;

use crate::failure::Failure;
use crate::numbering::Numeral;
use crate::xml::{Attributes, Node, walk};

/// Levels of a list.
const LEVELS: usize = 9;

/// One level: how it counts and how it writes.
#[derive(Debug, Clone)]
struct Level {
    numeral: Numeral,
    start: u32,
    /// Pattern such as "%1.%2.".
    pattern: String,
}

impl Default for Level {
    fn default() -> Self {
        Self { numeral: Numeral::Decimal, start: 1, pattern: String::new() }
    }
}

/// All lists of a document and how far they have counted.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// Definitions, by their id.
    definitions: HashMap<String, Vec<Level>>,
    /// Which definition a list uses.
    lists: HashMap<String, String>,
    /// Numbers reached, by definition: lists of one definition count on together.
    reached: HashMap<String, [Option<u32>; LEVELS]>,
}

impl Numbers {
    /// Reads the part with the numbering.
    pub(crate) fn read(part: &str) -> Result<Self, Failure> {
        let mut numbers = Self::default();
        let (mut definition, mut list, mut level) = (String::new(), None, 0_usize);
        walk(part, &mut |node| {
            match node {
                Node::Open("abstractNum", attributes) => {
                    definition = attributes.get("abstractNumId").unwrap_or_default();
                    numbers.definitions.insert(definition.clone(), vec![Level::default(); LEVELS]);
                }
                Node::Open("lvl", attributes) => level = attributes.number("ilvl").unwrap_or(0),
                Node::Open("num", attributes) => list = attributes.get("numId"),
                Node::Close("num") => list = None,
                Node::Open("abstractNumId", attributes) => {
                    if let (Some(list), Some(id)) = (&list, attributes.get("val")) {
                        numbers.lists.insert(list.clone(), id);
                    }
                }
                // Overrides of single lists are rare and left out.
                Node::Open(name, attributes) if list.is_none() => {
                    let levels = numbers.definitions.get_mut(&definition);
                    if let Some(level) = levels.and_then(|levels| levels.get_mut(level)) {
                        level.note(name, attributes);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(numbers)
    }

    /// Counts on and gives the mark of the next paragraph; none if the list shows nothing.
    pub(crate) fn next(&mut self, list: &str, level: usize) -> Option<String> {
        let id = self.lists.get(list)?;
        let levels = self.definitions.get(id)?;
        let own = levels.get(level)?;
        let reached = self.reached.entry(id.clone()).or_default();
        let number = reached[level].map_or(own.start, |number| number.saturating_add(1));
        reached[level] = Some(number);
        for deeper in &mut reached[level + 1..] {
            *deeper = None;
        }
        let mark = match own.numeral {
            Numeral::Bullet | Numeral::Nothing => own.numeral.write(number),
            _ => {
                let mut mark = own.pattern.clone();
                for (index, above) in levels.iter().enumerate() {
                    let number = reached[index].unwrap_or(above.start);
                    let place = format!("%{}", index + 1);
                    mark = mark.replace(&place, &above.numeral.write(number));
                }
                mark
            }
        };
        (!mark.trim().is_empty()).then_some(mark)
    }
}

impl Level {
    fn note(&mut self, name: &str, attributes: &Attributes<'_>) {
        match name {
            "start" => self.start = attributes.number("val").unwrap_or(1),
            "numFmt" => self.numeral = numeral(&attributes.get("val").unwrap_or_default()),
            "lvlText" => {
                let pattern = attributes.get("val").unwrap_or_default();
                // A pattern is a few signs; a longer one is no number.
                self.pattern = pattern.chars().take(64).collect();
            }
            _ => {}
        }
    }
}

fn numeral(name: &str) -> Numeral {
    match name {
        "bullet" => Numeral::Bullet,
        "none" => Numeral::Nothing,
        "lowerLetter" => Numeral::Letter,
        "upperLetter" => Numeral::CapitalLetter,
        "lowerRoman" => Numeral::Roman,
        "upperRoman" => Numeral::CapitalRoman,
        _ => Numeral::Decimal,
    }
}
