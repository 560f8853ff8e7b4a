//! Makes sentences out of templates: the same seed gives the same sentences for ever. Numbers have
//! valid check digits, near-misses have wrong ones.
//!
//! Computes check digits on its own and not with the scanner's code, so that a mistake there shows.

use std::collections::BTreeMap;

use super::numbers;

/// A small generator of numbers (splitmix64): the sentences must not change with a library.
pub struct Lot(u64);

impl Lot {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number in `low..=high`.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub fn one<'l>(&mut self, list: &[&'l str]) -> &'l str {
        list[self.below(list.len())]
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|place| char::from(b'0' + self.within(usize::from(place == 0), 9) as u8))
            .collect()
    }

    pub fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[self.below(letters.len())]).collect()
    }
}

/// Lists and templates of a set.
pub struct Recipe<'f> {
    sections: BTreeMap<&'f str, Vec<&'f str>>,
}

impl<'f> Recipe<'f> {
    pub fn read(file: &'f str) -> Self {
        let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut name = "";
        for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            match line.strip_prefix("## ") {
                Some(section) => name = section,
                None if name == "positive" || name == "negative" => {
                    sections.entry(name).or_default().push(line);
                }
                None => sections.entry(name).or_default().extend(line.split(' ')),
            }
        }
        Self { sections }
    }

    /// `count` sentences, every second one without personal data.
    pub fn sentences(&self, seed: u64, count: usize) -> Vec<String> {
        let mut lot = Lot::new(seed);
        (0..count)
            .map(|index| {
                let section = if index % 2 == 0 { "positive" } else { "negative" };
                let templates = &self.sections[section];
                self.fill(templates[(index / 2) % templates.len()], &mut lot)
            })
            .collect()
    }

    fn fill(&self, template: &str, lot: &mut Lot) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('@') {
            text.push_str(&rest[..at]);
            let slot = &rest[at + 1..];
            let end = slot.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
            let (slot, tail) = slot.split_at(end.unwrap_or(slot.len()));
            text.push_str(&self.value(slot, lot));
            rest = tail;
        }
        text.push_str(rest);
        text
    }

    fn value(&self, slot: &str, lot: &mut Lot) -> String {
        let number = |lot: &mut Lot, count: &str| lot.digits(count.parse().unwrap());
        match slot {
            "first" | "last" | "street" | "town" => lot.one(&self.sections[slot]).replace('_', " "),
            "last_noun_street" => lot.one(&["Hauptstraße", "Ringstraße", "Bergstraße"]).to_owned(),
            "no" => match lot.below(4) {
                0 => format!("{}{}", lot.within(1, 140), lot.one(&["a", "b", "c"])),
                1 => format!("{}-{}", lot.within(1, 20), lot.within(21, 40)),
                _ => lot.within(1, 199).to_string(),
            },
            "zip" => format!("{:05}", lot.within(1067, 99_998)),
            "d" => lot.within(1, 9).to_string(),
            "n" => lot.within(10, 199).to_string(),
            "year" => lot.within(1995, 2026).to_string(),
            "amount" => {
                format!("{}.{:03},{:02}", lot.within(1, 99), lot.below(1000), lot.below(100))
            }
            "time" => format!("{}:{:02}", lot.within(7, 18), lot.below(60)),
            "date" => format!(
                "{:02}.{:02}.{}",
                lot.within(1, 28),
                lot.within(1, 12),
                lot.within(2015, 2026)
            ),
            _ => match slot.strip_prefix("num") {
                Some(count) => number(lot, count),
                None => numbers::value(slot, lot),
            },
        }
    }
}
