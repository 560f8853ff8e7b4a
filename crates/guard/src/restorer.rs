//! Puts originals back into an answer that arrives in pieces. Knows nothing of where pieces are cut:
//! whatever the cuts, the result is that of the whole text.

use std::sync::Arc;

use crate::placeholder::Form;
use crate::pseudonyms::Pseudonyms;

/// Restores one stream: the text of an answer, or the arguments of one tool call.
///
/// Holds back at most one unfinished placeholder, never more than about sixty bytes.
pub struct Restorer {
    pseudonyms: Arc<Pseudonyms>,
    form: Form,
    held: String,
}

impl std::fmt::Debug for Restorer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Restorer")
            .field("form", &self.form)
            .field("held_bytes", &self.held.len())
            .finish_non_exhaustive()
    }
}

impl Restorer {
    /// For a new stream.
    #[must_use]
    pub fn new(pseudonyms: Arc<Pseudonyms>, form: Form) -> Self {
        Self { pseudonyms, form, held: String::new() }
    }

    /// Takes the next piece and gives what may be passed on now.
    #[must_use]
    pub fn push(&mut self, piece: &str) -> String {
        if self.held.is_empty() && !piece.contains(['⟦', '\\']) {
            return piece.to_owned();
        }
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        let mut restored = String::with_capacity(text.len());
        let held = self.pseudonyms.restore_into(&text, self.form, &mut restored);
        self.held = text.split_off(text.len() - held);
        restored
    }

    /// Whether something is held back.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives what is held back, as text: nothing more will come of it.
    pub fn let_go(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The stream is over: what was held back is text.
    #[must_use]
    pub fn finish(self) -> String {
        self.held
    }
}
