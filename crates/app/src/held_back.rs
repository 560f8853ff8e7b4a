//! When a text that is held back on its way must go: before something else begins in the same choice, in
//! whose midst it would come otherwise. Knows not why it is held.

use llm::ChatChunk;

use crate::{
    guardrail::{Answers, Restoring},
    marks::Marks,
};

/// What holds back texts, in the order in which they pass.
pub(crate) struct Holding<'a> {
    pub marks: &'a mut Marks,
    pub restoring: &'a mut Restoring,
    pub answers: Option<&'a mut Answers>,
}

impl Holding<'_> {
    /// What is still held back of texts that a piece does not go on with.
    pub(crate) fn let_go_before(mut self, chunk: &ChatChunk) -> Option<ChatChunk> {
        let held = self.held();
        if held.is_empty() {
            return None;
        }
        let brings = chunk.brings();
        // What lies deeper in a piece cannot be told by itself, and waits for the end.
        let goes_on_elsewhere = |choice: u64, place: &str| {
            let mut own = brings.iter().filter(|(other, _)| *other == choice).peekable();
            own.peek().is_some() && own.all(|(_, brought)| brought != place) && !place.contains('/')
        };
        let ripe = held.into_iter().filter(|(choice, place)| goes_on_elsewhere(*choice, place));
        let texts = ripe.map(|(choice, place)| {
            let text = self.let_go(choice, &place);
            (choice, place, text)
        });
        let texts: Vec<_> = texts.filter(|(_, _, text)| !text.is_empty()).collect();
        (!texts.is_empty()).then(|| chunk.head().texts_chunk(&texts))
    }

    /// Where something is held back, each place once.
    fn held(&self) -> Vec<(u64, String)> {
        let mut held: Vec<(u64, String)> = self.marks.held().collect();
        held.extend(self.restoring.held());
        held.extend(self.answers.iter().flat_map(|answers| answers.held()));
        held.sort_unstable();
        held.dedup();
        held
    }

    fn let_go(&mut self, choice: u64, place: &str) -> String {
        let text = self.marks.let_go(choice, place);
        let text =
            self.restoring.push(choice, place, &text) + &self.restoring.let_go(choice, place);
        match &mut self.answers {
            Some(answers) => answers.push(choice, place, &text) + &answers.let_go(choice, place),
            None => text,
        }
    }
}
