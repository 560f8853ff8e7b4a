//! The catalogue and what is remembered beside it, as one value that is exchanged whole.

use std::{collections::HashMap, sync::Arc};

use tokio::time::Instant;

use crate::{Catalogue, Model, Settings, model_state::ModelState};

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) catalogue: Arc<Catalogue>,
    /// In the catalogue's order.
    pub(crate) models: Vec<Arc<ModelState>>,
}

impl Snapshot {
    /// Puts a catalogue beside what is known of the one `before`.
    pub(crate) fn new(catalogue: Catalogue, before: Option<&Self>, settings: &Settings) -> Self {
        let now = Instant::now();
        let known: HashMap<&str, (&Model, &ModelState)> = before
            .into_iter()
            .flat_map(Self::entries)
            .map(|(m, s)| (m.name.as_str(), (m, s.as_ref())))
            .collect();
        let states = catalogue.models().iter().map(|model| {
            let before = known.get(model.name.as_str()).copied();
            Arc::new(ModelState::new(model, before, settings, now))
        });
        Self { models: states.collect(), catalogue: Arc::new(catalogue) }
    }

    /// The models with their state.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Model, &Arc<ModelState>)> {
        self.catalogue.models().iter().zip(&self.models)
    }
}
