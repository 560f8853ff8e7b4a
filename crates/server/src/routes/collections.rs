//! Collections: documents under one set of rights.

use std::sync::Arc;

use app::App;
use app::{CollectionChange, NewCollection};
use axum::extract::State;
use domain::{CollectionId, DataClass, UnitId, UserId, Visibility};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, PartQuery, account::UnitRef};
use crate::door::{Caller, Id, Json, Problem, Query, Time, codes::DataClassCode};

/// Documents under one set of rights.
#[derive(Serialize, ToSchema)]
pub(crate) struct Collection {
    #[schema(value_type = Uuid)]
    id: CollectionId,
    name: String,
    #[schema(value_type = DataClassCode)]
    data_class: DataClass,
    visibility: CollectionVisibility,
    owner: PersonRef,
    /// Whether the caller owns it.
    mine: bool,
    /// Whether it is the caller's private collection, which always exists.
    default: bool,
    documents: u64,
    created_at: Time,
}

/// Who besides the owner may read.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum CollectionVisibility {
    /// Nobody.
    Private,
    /// The people of one unit.
    Unit { unit: UnitRef },
    /// Everyone in the tenant.
    Tenant,
}

/// A person by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonRef {
    #[schema(value_type = Uuid)]
    pub id: UserId,
    pub name: String,
}

/// Who besides the owner shall be able to read.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum WantedVisibility {
    /// Nobody.
    Private {},
    /// The people of one unit.
    Unit { unit: WantedUnit },
    /// Everyone in the tenant.
    Tenant {},
}

/// A unit by its id; its name may stand beside it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedUnit {
    #[schema(value_type = Uuid)]
    id: UnitId,
    #[serde(default, rename = "name")]
    #[schema(value_type = Option<String>)]
    _name: Option<serde::de::IgnoredAny>,
}

/// A collection to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedCollection {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(value_type = DataClassCode)]
    data_class: DataClass,
    /// Without it: nobody else.
    visibility: Option<WantedVisibility>,
}

/// What to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionPatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(value_type = Option<DataClassCode>)]
    data_class: Option<DataClass>,
    visibility: Option<WantedVisibility>,
}

impl Collection {
    fn new(collection: app::Collection, caller: UserId) -> Self {
        let unit = collection.unit.map(|unit| UnitRef { id: unit.id, name: unit.name });
        let mine = collection.owner.id == caller;
        Self {
            id: collection.id,
            name: collection.name,
            data_class: collection.data_class,
            visibility: match (collection.visibility, unit) {
                (Visibility::Tenant, _) => CollectionVisibility::Tenant,
                (Visibility::Unit(_), Some(unit)) => CollectionVisibility::Unit { unit },
                // A unit that is gone leaves nobody but the owner.
                (Visibility::Private | Visibility::Unit(_), _) => CollectionVisibility::Private,
            },
            owner: PersonRef { id: collection.owner.id, name: collection.owner.name },
            mine,
            default: mine && collection.is_default,
            documents: collection.documents,
            created_at: collection.created_at.into(),
        }
    }
}

impl From<WantedVisibility> for Visibility {
    fn from(wanted: WantedVisibility) -> Self {
        match wanted {
            WantedVisibility::Private {} => Self::Private,
            WantedVisibility::Unit { unit } => Self::Unit(unit.id),
            WantedVisibility::Tenant {} => Self::Tenant,
        }
    }
}

/// Lists the collections that the caller may read: their own default one first, then by name.
#[utoipa::path(get, path = "/api/collections", tag = "collections", params(PartQuery),
    responses((status = 200, body = Page<Collection>)))]
pub(crate) async fn list_collections(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(query): Query<PartQuery>,
) -> Result<axum::Json<Page<Collection>>, Problem> {
    let page = app.list_collections(&principal, &query.into()).await?;
    Ok(axum::Json(Page::of(page, |item| Collection::new(item, principal.user))))
}

/// Makes a collection.
#[utoipa::path(post, path = "/api/collections", tag = "collections", request_body = WantedCollection,
    responses((status = 201, body = Collection)))]
pub(crate) async fn create_collection(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<WantedCollection>,
) -> Result<(StatusCode, axum::Json<Collection>), Problem> {
    let WantedCollection { name, data_class, visibility } = body;
    let visibility = visibility.map_or(Visibility::Private, Visibility::from);
    let new = NewCollection { name, data_class, visibility };
    let collection = app.create_collection(&principal, new).await?;
    Ok((StatusCode::CREATED, axum::Json(Collection::new(collection, principal.user))))
}

/// Returns a collection.
#[utoipa::path(get, path = "/api/collections/{id}", tag = "collections", params(("id" = Uuid, Path)),
    responses((status = 200, body = Collection)))]
pub(crate) async fn get_collection(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<CollectionId>,
) -> Result<axum::Json<Collection>, Problem> {
    let collection = app.get_collection(&principal, id).await?;
    Ok(axum::Json(Collection::new(collection, principal.user)))
}

/// Changes a collection.
#[utoipa::path(patch, path = "/api/collections/{id}", tag = "collections", params(("id" = Uuid, Path)),
    request_body = CollectionPatch, responses((status = 200, body = Collection)))]
pub(crate) async fn update_collection(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<CollectionId>,
    Json(body): Json<CollectionPatch>,
) -> Result<axum::Json<Collection>, Problem> {
    let CollectionPatch { name, data_class, visibility } = body;
    let change =
        CollectionChange { name, data_class, visibility: visibility.map(Visibility::from) };
    let collection = app.update_collection(&principal, id, change).await?;
    Ok(axum::Json(Collection::new(collection, principal.user)))
}

/// Deletes a collection with all its documents.
#[utoipa::path(delete, path = "/api/collections/{id}", tag = "collections", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete_collection(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<CollectionId>,
) -> Result<StatusCode, Problem> {
    app.delete_collection(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
