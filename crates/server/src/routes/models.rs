//! The models people choose from.

use std::sync::Arc;

use app::{App, BUILT_IN_MODEL, Language, ModelChoice, Offer};
use axum::extract::State;
use domain::{DataClass, Place};
use serde::Serialize;
use utoipa::ToSchema;

use crate::door::{
    Caller, Problem, Reader,
    codes::{DataClassCode, PlaceCode},
    language::Bilingual,
};

/// What people should know of the built-in engine, in German and English.
const ABOUT_BUILT_IN: (&str, &str) = (
    "Auszüge, kein Sprachmodell: zitiert wörtlich die passenden Sätze aus Ihren Dokumenten und formuliert nichts selbst.",
    "Excerpts, not a language model: quotes the fitting sentences of your documents word for word and writes nothing of its own.",
);

/// A model as people choose it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Model {
    name: String,
    /// What it is for.
    purpose: String,
    /// What people should know before they choose it.
    description: String,
    kind: ModelKind,
    /// The highest data class it may receive by one of its routes.
    #[schema(value_type = DataClassCode)]
    clearance: DataClass,
    /// Where it runs, from near to far.
    #[schema(value_type = Vec<PlaceCode>)]
    places: Vec<Place>,
    /// Whether it answers when nobody chose one.
    default: bool,
}

/// What kind of answers a model gives.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModelKind {
    /// It writes.
    Language,
    /// It quotes.
    Extract,
}

/// The models.
#[derive(Serialize, ToSchema)]
pub(crate) struct Models {
    items: Vec<Model>,
    /// Whether there is any besides the built-in engine.
    configured: bool,
}

impl Model {
    fn new(choice: ModelChoice, language: Language) -> Self {
        Self {
            description: if choice.name == BUILT_IN_MODEL {
                let (de, en) = ABOUT_BUILT_IN;
                Bilingual::new(de, en).get(language).to_owned()
            } else {
                choice.description
            },
            kind: if choice.is_built_in { ModelKind::Extract } else { ModelKind::Language },
            name: choice.name,
            purpose: choice.purpose,
            clearance: choice.clearance,
            places: choice.places,
            default: choice.is_default,
        }
    }
}

/// Lists the models.
#[utoipa::path(get, path = "/api/models", tag = "models", responses((status = 200, body = Models)))]
pub(crate) async fn list_models(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
) -> Result<axum::Json<Models>, Problem> {
    let choices = app.list_models(&principal, Some(Offer::Chat))?.into_iter();
    let items = choices.map(|choice| Model::new(choice, language)).collect();
    Ok(axum::Json(Models { items, configured: app.has_language_model() }))
}
