//! A text as its readers see it: without what nobody sees, and with what is written for pages,
//! addresses, mail or machines decoded, also layer within layer. Every rule looks at the same views,
//! and what it finds in one is told at its place in the text. Knows no rules.

use std::{collections::HashSet, ops::Range};

use crate::{
    base64,
    encoded::{self, Decoded},
    event::Event,
    finding::Finding,
    readings,
};

/// Encodings inside encodings (`&amp;#64;`) that are read; no mail or page has more.
const LAYERS_MAX: usize = 4;

/// Something that was found at a place of a text.
pub trait Placed: Sized {
    /// Its place, on borders of characters.
    fn place(&self) -> Range<usize>;
    /// The same at another place.
    fn at(self, place: Range<usize>) -> Self;
}

impl Placed for Finding {
    fn place(&self) -> Range<usize> {
        self.start..self.end
    }

    fn at(self, Range { start, end }: Range<usize>) -> Self {
        Self { start, end, ..self }
    }
}

impl Placed for Event {
    fn place(&self) -> Range<usize> {
        self.start..self.end
    }

    fn at(self, Range { start, end }: Range<usize>) -> Self {
        Self { start, end, ..self }
    }
}

/// The way back from a view to what it was made of.
#[derive(Debug, Default)]
pub struct Origins {
    /// Where a run begins that stands in the original as it is, or one that is written otherwise
    /// there, and where there.
    runs: Vec<(usize, usize)>,
}

impl Origins {
    /// From here on the view stands in the original from there on.
    pub fn push(&mut self, view: usize, original: usize) {
        self.runs.push((view, original));
    }

    /// The place in the original of a place in the view.
    pub fn of(&self, at: usize) -> usize {
        let next = self.runs.partition_point(|(start, _)| *start <= at);
        let (start, original) = self.runs[next.max(1) - 1];
        original + (at - start)
    }

    /// The range in the original of a range in the view.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        self.of(range.start)..self.of(range.end)
    }

    fn back<T: Placed>(&self, found: Vec<T>) -> Vec<T> {
        let back = |one: T| {
            let place = self.range(one.place());
            one.at(place)
        };
        found.into_iter().map(back).collect()
    }
}

/// A text that was made of another, and the way back.
#[derive(Debug)]
pub struct View {
    pub text: String,
    pub origins: Origins,
}

impl View {
    /// An empty view of a text.
    pub fn of(text: &str) -> Self {
        Self { text: String::with_capacity(text.len()), origins: Origins::default() }
    }

    /// Adds what stands in the original as it is.
    pub fn keep(&mut self, run: &str, origin: usize) {
        if !run.is_empty() {
            self.origins.push(self.text.len(), origin);
            self.text.push_str(run);
        }
    }

    /// Adds what a place of the original is read as; nothing, if it is not seen.
    pub fn read(&mut self, letter: Option<char>, origin: usize) {
        self.origins.push(self.text.len(), origin);
        self.text.extend(letter);
    }

    /// Adds the rest of the original.
    pub fn end(mut self, rest: &str, origin: usize) -> Self {
        self.keep(rest, origin);
        self.origins.push(self.text.len(), origin + rest.len());
        self
    }
}

/// Everything that `find` finds in a text and in its views, without order. A find in what was decoded
/// may overlap others.
pub fn look<T: Placed>(text: &str, find: &dyn Fn(&str) -> Vec<T>) -> Vec<T> {
    look_into(text, LAYERS_MAX, find)
}

/// The first byte of what more text could lengthen, if `open` says so of a text as it is written: in any
/// view, however much of it is encoded inside encodings. Base64 is another matter.
pub fn open_from(text: &str, open: &dyn Fn(&str) -> usize) -> usize {
    open_in(text, LAYERS_MAX, open)
}

fn open_in(text: &str, layers: usize, open: &dyn Fn(&str) -> usize) -> usize {
    let own = open(text);
    let Some(layers) = layers.checked_sub(1) else { return own };
    let Some(view) = encoded::without_any(text) else { return own };
    own.min(view.origins.of(open_in(&view.text, layers, open)))
}

fn look_into<T: Placed>(text: &str, layers: usize, find: &dyn Fn(&str) -> Vec<T>) -> Vec<T> {
    if layers > 0
        && let Some(page) = encoded::without_certain(text)
    {
        return page.origins.back(look_into(&page.text, layers - 1, find));
    }
    match readings::plain(text) {
        None => look_around(text, layers, find),
        Some(plain) => plain.origins.back(look_around(&plain.text, layers, find)),
    }
}

/// Finds that begin with half of an encoded character, as `nHauptstraße` in `\nHauptstraße`, begin behind
/// it where it was read, else with all of it.
fn without_halves<T: Placed>(found: Vec<T>, decoded: &[T], encoded: &[Range<usize>]) -> Vec<T> {
    let read: HashSet<usize> = decoded.iter().map(|one| one.place().start).collect();
    let whole = |one: T| {
        let Range { start, end } = one.place();
        let next = encoded.partition_point(|place| place.end <= start);
        let Some(half) = encoded.get(next).filter(|half| half.start < start && half.end < end)
        else {
            return one;
        };
        let start = if read.contains(&half.end) { half.end } else { half.start };
        one.at(start..end)
    };
    found.into_iter().map(whole).collect()
}

/// Looks at a text of plain characters as it is written, and once more at each part of it that may
/// mean something else.
fn look_around<T: Placed>(text: &str, layers: usize, find: &dyn Fn(&str) -> Vec<T>) -> Vec<T> {
    let mut found = find(text);
    let Some(layers) = layers.checked_sub(1) else { return found };
    let (mut decoded, mut encoded) = (vec![], vec![]);
    let mut from = 0;
    while let Some(piece) = Decoded::next(text, from) {
        let again = look_into(&piece.text, layers, find).into_iter();
        decoded.extend(again.filter_map(|one| {
            let place = piece.concerned(one.place())?;
            Some(one.at(place))
        }));
        from = piece.end;
        encoded.extend(piece.encoded);
    }
    if !found.is_empty() && !encoded.is_empty() {
        found = without_halves(found, &decoded, &encoded);
    }
    found.extend(decoded);
    for run in base64::runs(text) {
        // Half of it would be something else, so all of it is the place of whatever is in it.
        let again = look_into(&run.text, layers, find).into_iter();
        found.extend(again.map(|one| one.at(run.place.clone())));
    }
    found
}
