//! The models in memory: each file once, read when it is first asked for and let go when no route of
//! the catalogue names it any more and its last answer has ended.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use infer::local::{LoadError, LocalModel, ModelFile};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{LocalRoute, Made, question::Question};
use crate::{Catalogue, RouteKind};

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct LocalModels {
    models: Mutex<HashMap<LocalRoute, Arc<Slot>>>,
}

/// One of them, and its bound.
#[derive(Debug)]
struct Slot {
    places: Arc<Semaphore>,
    /// Held while the weights are read, so that they are read once.
    model: Mutex<Option<Arc<LocalModel>>>,
}

/// A place for one answer.
pub(super) struct Place {
    route: LocalRoute,
    slot: Arc<Slot>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl LocalModels {
    /// Waits for a place. It is held until the computation has really ended, which may be a moment
    /// after its caller has gone.
    pub(super) async fn place(&self, route: &LocalRoute) -> Place {
        let slot = {
            let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = models.entry(route.clone()).or_insert_with(|| {
                let places = Arc::new(Semaphore::new(route.answers_max.max(1)));
                Arc::new(Slot { places, model: Mutex::new(None) })
            });
            Arc::clone(slot)
        };
        // It is never closed.
        let permit = Arc::clone(&slot.places).acquire_owned().await.ok();
        Place { route: route.clone(), slot, _permit: permit }
    }

    /// Lets go of models that no route names any more.
    pub(crate) fn keep_those_of(&self, catalogue: &Catalogue) {
        let routes = || catalogue.models().iter().flat_map(|model| &model.routes);
        let is_named = |local: &LocalRoute| {
            routes().any(|route| matches!(&route.kind, RouteKind::Local(named) if named == local))
        };
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.retain(|route, _| is_named(route));
    }
}

impl Place {
    /// Answers. Blocks for as long as it takes, or until nobody listens any more.
    pub(super) fn answer(self, question: &Question, made: &mpsc::Sender<Made>) {
        // Whoever does not listen any more does not need to know.
        let send = |piece| drop(made.blocking_send(piece));
        let answered = self.model().and_then(|model| {
            let prompt = match model.prompt(&question.turns) {
                Ok(prompt) => prompt,
                Err(refusal) => return Ok(Made::Refused(refusal)),
            };
            send(Made::Question(prompt.len() as u64));
            let generated =
                model.answer(&prompt, &question.asked, &|| made.is_closed(), &mut |text| {
                    send(Made::Text(text.to_owned()))
                })?;
            let tokens = generated.tokens.len() as u64;
            Ok(Made::Done { finish: generated.finish, tokens })
        });
        send(answered.unwrap_or_else(|error| {
            let file = self.route.path.display();
            tracing::error!(%file, error.causes = causes(&error), "a local model does not answer");
            Made::Failed
        }));
    }

    /// The model, read from its file by the first who asks.
    fn model(&self) -> Result<Arc<LocalModel>, LoadError> {
        let mut model = self.slot.model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = model.as_ref() {
            return Ok(Arc::clone(model));
        }
        let LocalRoute { path, context_tokens, answers_max, memory_bytes_max } = &self.route;
        let file = ModelFile::open(path)?;
        file.check_memory(*context_tokens, *answers_max, *memory_bytes_max)?;
        let loaded = Arc::new(file.load(*context_tokens)?);
        tracing::info!(file = %path.display(), "a local model is loaded");
        *model = Some(Arc::clone(&loaded));
        Ok(loaded)
    }
}

fn causes(error: &LoadError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
