//! Which routes may be tried for a call, in which order. Pure; nothing that leaves the house takes
//! another way.

use domain::DataClass;

use crate::{Catalogue, Model, Route};

/// Why no route may be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such model.
    #[error("no such model")]
    UnknownModel {
        /// The name that was asked for.
        model: String,
    },
    /// The data is more sensitive than any route of the model may see.
    #[error("the data class {} is above the model's clearance {}", class.code(), clearance.code())]
    ClearanceTooLow {
        /// The model that was asked for.
        model: String,
        /// The class of the data.
        class: DataClass,
        /// The highest clearance among the model's routes.
        clearance: DataClass,
        /// The models that would be allowed.
        allowed: Vec<String>,
    },
}

/// The routes of a model that may see data of this class, best first; at least one.
///
/// # Errors
/// If there is no such model, or none of its routes is cleared for the class.
pub fn plan<'a>(
    catalogue: &'a Catalogue,
    model: &str,
    class: DataClass,
) -> Result<Vec<&'a Route>, PlanError> {
    let (_, candidates) = candidates(catalogue, model, class)?;
    Ok(candidates.into_iter().map(|candidate| candidate.route).collect())
}

/// A route that may be tried, and its place in the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) model_index: usize,
    pub(crate) route_index: usize,
    pub(crate) route: &'a Route,
}

pub(crate) fn candidates<'a>(
    catalogue: &'a Catalogue,
    name: &str,
    class: DataClass,
) -> Result<(&'a Model, Vec<Candidate<'a>>), PlanError> {
    let mut models = catalogue.models().iter().enumerate();
    let (model_index, model) = models
        .find(|(_, model)| model.name == name)
        .ok_or_else(|| PlanError::UnknownModel { model: name.to_owned() })?;
    let cleared = model.routes.iter().enumerate().filter(|(_, route)| class <= route.clearance);
    let candidates: Vec<_> =
        cleared.map(|(route_index, route)| Candidate { model_index, route_index, route }).collect();
    if candidates.is_empty() {
        let allowed = catalogue.models().iter().filter(|other| class <= other.clearance());
        return Err(PlanError::ClearanceTooLow {
            model: model.name.clone(),
            class,
            clearance: model.clearance(),
            allowed: allowed.map(|other| other.name.clone()).collect(),
        });
    }
    Ok((model, candidates))
}
