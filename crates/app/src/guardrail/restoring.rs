//! Puts the originals back into an answer on its way: text, reasoning and arguments of tools, each
//! choice and each call for itself. Knows not where pieces are cut.

use std::{collections::BTreeMap, sync::Arc};

use gateway::GatewayError;
use guard::{Form, Pseudonyms, Restorer};
use llm::{AnswerPlace, ChatChunk, ChatResponse, openai::Head};

/// Restores one answer. Holds back no more than an unfinished placeholder of each text.
#[derive(Debug, Default)]
pub(crate) struct Restoring {
    /// `None` if there is nothing to put back.
    pseudonyms: Option<Arc<Pseudonyms>>,
    open: BTreeMap<(u64, String), Restorer>,
    head: Head,
}

impl Restoring {
    pub(super) fn new(pseudonyms: Pseudonyms) -> Self {
        let pseudonyms = (!pseudonyms.is_empty()).then(|| Arc::new(pseudonyms));
        Self { pseudonyms, open: BTreeMap::new(), head: Head::default() }
    }

    /// Restores a whole answer.
    pub(crate) fn restore(&self, response: &mut ChatResponse) {
        let Some(pseudonyms) = &self.pseudonyms else { return };
        response.rewrite_all(&mut |_, place, text| pseudonyms.restore_as(text, form_of(place)));
    }

    /// Restores a piece of an answer; the piece that ends a choice brings what was held back.
    pub(crate) fn restore_chunk(&mut self, chunk: &mut ChatChunk) {
        if self.pseudonyms.is_none() {
            return;
        }
        if self.head.id.is_empty() {
            self.head = chunk.head();
        }
        chunk.rewrite_all(&mut |choice, place, text| self.push(choice, place, text));
        for choice in chunk.ended_choices() {
            for (place, rest) in self.finish(choice) {
                chunk.append_at(choice, &place, &rest);
            }
        }
    }

    /// What an answer without an end of its own still holds back.
    pub(crate) fn last_chunk(&mut self) -> Option<ChatChunk> {
        let rest: String = self.finish(0).into_iter().map(|(_, rest)| rest).collect();
        (!rest.is_empty()).then(|| self.head.text_chunk(&rest))
    }

    /// Takes the next piece of a text and gives what may be passed on now.
    pub(crate) fn push(&mut self, choice: u64, place: &AnswerPlace, text: &str) -> String {
        let Some(pseudonyms) = &self.pseudonyms else { return text.to_owned() };
        let key = (choice, place.to_owned());
        let new = || Restorer::new(pseudonyms.clone(), form_of(place));
        self.open.entry(key).or_insert_with(new).push(text)
    }

    /// Where an unfinished placeholder is held back in a text.
    pub(crate) fn held(&self) -> impl Iterator<Item = (u64, String)> {
        let is_held = |((_, place), restorer): &(&(u64, String), &Restorer)| {
            restorer.holds() && form_of(place) == Form::Text
        };
        self.open.iter().filter(is_held).map(|(key, _)| key.clone())
    }

    /// Gives what is held back there: nothing more will come of it.
    pub(crate) fn let_go(&mut self, choice: u64, place: &AnswerPlace) -> String {
        let restorer = self.open.get_mut(&(choice, place.to_owned()));
        restorer.map(Restorer::let_go).unwrap_or_default()
    }

    /// Puts the originals back into what a server says that refuses.
    pub(crate) fn in_refusal(&self, mut error: GatewayError) -> GatewayError {
        if let (GatewayError::Refused { error, .. }, Some(pseudonyms)) =
            (&mut error, &self.pseudonyms)
        {
            let said = error.message.take();
            error.message = said.map(|said| pseudonyms.restore(&said));
        }
        error
    }

    /// Ends the texts of a choice and gives what they held back.
    pub(crate) fn finish(&mut self, choice: u64) -> Vec<(String, String)> {
        let (ended, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|((owner, _), _): &(_, Restorer)| *owner == choice);
        self.open = open;
        let ended: BTreeMap<(u64, String), Restorer> = ended;
        let rests = ended.into_iter().map(|((_, place), restorer)| (place, restorer.finish()));
        rests.filter(|(_, rest)| !rest.is_empty()).collect()
    }
}

pub(super) fn form_of(place: &AnswerPlace) -> Form {
    if place.ends_with("arguments") { Form::Json } else { Form::Text }
}
