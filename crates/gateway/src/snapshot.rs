//! The catalogue and what is remembered beside it, as one value that is exchanged whole.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{Catalogue, Model, Settings, model_state::ModelState, today::Days};

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) catalogue: Arc<Catalogue>,
    /// In the catalogue's order.
    pub(crate) models: Vec<Arc<ModelState>>,
}

impl Snapshot {
    /// Puts a catalogue beside what is known of the one `before`.
    pub(crate) fn new(
        catalogue: Catalogue,
        before: Option<&Self>,
        known: (&Settings, &Days),
    ) -> Self {
        let now = Instant::now();
        let states = catalogue.models().iter().map(|model| {
            let before = before.and_then(|before| before.entry(&model.name));
            match before {
                Some((same, state)) if Arc::ptr_eq(same, model) => Arc::clone(state),
                _ => {
                    let before = before.map(|(other, state)| (other.as_ref(), state.as_ref()));
                    Arc::new(ModelState::new(model, before, known, now))
                }
            }
        });
        Self { models: states.collect(), catalogue: Arc::new(catalogue) }
    }

    /// The models with their state.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Arc<Model>, &Arc<ModelState>)> {
        self.catalogue.models().iter().zip(&self.models)
    }

    /// A model with its state.
    pub(crate) fn entry(&self, name: &str) -> Option<(&Arc<Model>, &Arc<ModelState>)> {
        let index = self.catalogue.position(name)?;
        Some((&self.catalogue.models()[index], &self.models[index]))
    }
}
