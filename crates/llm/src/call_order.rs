//! Puts the pieces of tool calls one call after the other, for interfaces that know no other order:
//! OpenAI's chat lets a server write several calls at once, and some do. What belongs to a call whose turn
//! has not come waits until the arguments before it are complete. Knows no events.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Most bytes of arguments that wait; beyond: the call being written is held to be complete.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// The order of the calls of one answer.
#[derive(Debug, Default)]
pub(crate) struct CallOrder {
    /// The call that is being written, and how far its arguments are.
    current: Option<(u64, Extent)>,
    /// Calls whose turn is over.
    done: BTreeSet<u64>,
    /// Calls whose turn has not come, with all that came of them.
    waiting: BTreeMap<u64, Value>,
    waiting_bytes: usize,
}

impl CallOrder {
    /// Takes pieces of calls as they come and returns those that may be told now.
    pub(crate) fn push(&mut self, pieces: Option<&Value>) -> Vec<Value> {
        let mut ready = Vec::new();
        for piece in pieces.and_then(Value::as_array).into_iter().flatten() {
            let number = self.number_of(piece);
            if self.done.contains(&number) {
                continue;
            }
            match &self.current {
                Some((current, _)) if *current == number => {}
                Some((_, extent)) if !extent.is_complete() || !self.waiting.is_empty() => {
                    self.wait(number, piece);
                    if self.waiting_bytes > WAITING_BYTES_MAX {
                        ready.append(&mut self.finish());
                    }
                    continue;
                }
                _ => self.turn_to(number),
            }
            self.tell(piece.clone(), &mut ready);
            self.advance(&mut ready);
        }
        ready
    }

    /// What still waits once the answer has ended.
    pub(crate) fn finish(&mut self) -> Vec<Value> {
        let mut ready = Vec::new();
        while let Some(waiting) = self.waiting.pop_first() {
            self.next(waiting, &mut ready);
        }
        self.waiting_bytes = 0;
        ready
    }

    /// A server that does not number its calls begins each with an id.
    fn number_of(&self, piece: &Value) -> u64 {
        let current = self.current.as_ref().map(|(number, _)| *number);
        let begins = piece.get("id").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
        match (piece.get("index").and_then(Value::as_u64), current) {
            (Some(number), _) => number,
            (None, Some(number)) if begins => number + 1,
            (None, current) => current.unwrap_or(0),
        }
    }

    fn wait(&mut self, number: u64, piece: &Value) {
        let more = arguments(piece);
        self.waiting_bytes += more.len();
        let Some(whole) = self.waiting.get_mut(&number) else {
            self.waiting.insert(number, piece.clone());
            return;
        };
        match whole.pointer_mut("/function/arguments") {
            Some(Value::String(all)) => all.push_str(more),
            _ => {
                let name = whole.pointer("/function/name").cloned();
                whole["function"] = json!({"name": name, "arguments": more});
            }
        }
    }

    /// As long as the call being written is complete and another waits, that one has its turn.
    fn advance(&mut self, ready: &mut Vec<Value>) {
        while self.current.as_ref().is_some_and(|(_, extent)| extent.is_complete()) {
            let Some(waiting) = self.waiting.pop_first() else { return };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(arguments(&waiting.1).len());
            self.next(waiting, ready);
        }
    }

    fn next(&mut self, (number, piece): (u64, Value), ready: &mut Vec<Value>) {
        self.turn_to(number);
        self.tell(piece, ready);
    }

    fn turn_to(&mut self, number: u64) {
        let before = self.current.replace((number, Extent::default()));
        self.done.extend(before.map(|(number, _)| number));
    }

    fn tell(&mut self, mut piece: Value, ready: &mut Vec<Value>) {
        let Some((number, extent)) = &mut self.current else { return };
        extent.read(arguments(&piece));
        if let Some(fields) = piece.as_object_mut() {
            fields.insert("index".to_owned(), (*number).into());
        }
        ready.push(piece);
    }
}

fn arguments(piece: &Value) -> &str {
    piece.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default()
}

/// How far a JSON object that comes in pieces is.
#[derive(Debug, Default)]
struct Extent {
    depth: usize,
    has_begun: bool,
    in_text: bool,
    is_escaped: bool,
}

impl Extent {
    fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => {
                    self.depth += 1;
                    self.has_begun = true;
                }
                b'}' | b']' if !self.in_text => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.has_begun && self.depth == 0
    }
}
