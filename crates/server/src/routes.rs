//! Every route of the product, in one list. A handler decodes, establishes the caller, calls one
//! method of `app`, and encodes.

mod access;
mod account;
mod answer_stream;
mod anthropic;
mod audit;
mod collections;
mod conversations;
mod description;
mod documents;
mod gateway;
mod gateway_models;
mod keys;
mod limits;
mod messages;
mod models;
mod openai;
mod operations;
mod passages;
mod people;
mod probes;
mod responses;
mod runs;
mod session;
mod setup;
mod transcriptions;
mod usage;
mod way;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use description::api_description;
pub(crate) use usage::ExportPieces;

use crate::front::Front;

/// All routes with their description.
pub(crate) fn all() -> OpenApiRouter<Front> {
    own().merge(models())
}

/// The platform's own routes. Several handlers in one `routes!` share an address.
pub(crate) fn own() -> OpenApiRouter<Front> {
    OpenApiRouter::with_openapi(description::frame())
        .routes(routes!(setup::get_setup, setup::create_setup))
        .routes(routes!(session::create_session, session::delete_session))
        .routes(routes!(account::get_me))
        .routes(routes!(account::change_password))
        .routes(routes!(account::list_sessions))
        .routes(routes!(account::revoke_session))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(keys::list_tenant_keys))
        .routes(routes!(limits::list_limits))
        .routes(routes!(limits::list_limitable_keys))
        .routes(routes!(limits::put_limit, limits::delete_limit))
        .routes(routes!(limits::get_own_limits))
        .routes(routes!(people::list_users, people::create_user))
        .routes(routes!(people::update_user))
        .routes(routes!(people::list_units, people::create_unit))
        .routes(routes!(models::list_models))
        .routes(routes!(collections::list_collections, collections::create_collection))
        .routes(routes!(
            collections::get_collection,
            collections::update_collection,
            collections::delete_collection
        ))
        .routes(routes!(documents::list_documents, documents::upload_document))
        .routes(routes!(documents::get_document, documents::delete_document))
        .routes(routes!(documents::retry_document))
        .routes(routes!(documents::get_document_content))
        .routes(routes!(passages::list_passages))
        .routes(routes!(passages::get_passage))
        .routes(routes!(passages::search_passages))
        .routes(routes!(conversations::list_conversations, conversations::create_conversation))
        .routes(routes!(
            conversations::get_conversation,
            conversations::update_conversation,
            conversations::delete_conversation
        ))
        .routes(routes!(conversations::list_messages, conversations::create_message))
        .routes(routes!(conversations::retry_message))
        .routes(routes!(runs::watch_run))
        .routes(routes!(runs::stop_run))
        .routes(routes!(people::update_unit))
        .routes(routes!(usage::get_usage))
        .routes(routes!(usage::export_usage))
        .routes(routes!(usage::get_own_usage))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::verify_audit))
        .routes(routes!(audit::get_system))
        .routes(routes!(gateway::get_gateway_status))
        .routes(routes!(gateway_models::list_gateway_models, gateway_models::create_gateway_model))
        .routes(routes!(gateway_models::update_gateway_model, gateway_models::delete_gateway_model))
        .routes(routes!(gateway_models::drain_gateway_route))
        .routes(routes!(gateway_models::test_gateway_route))
        .routes(routes!(access::list_model_access))
        .routes(routes!(access::update_model_access))
        .routes(routes!(access::get_place_policy, access::update_place_policy))
        .routes(routes!(probes::check_health))
        .routes(routes!(probes::check_readiness))
        .routes(routes!(probes::read_metrics))
        .routes(routes!(probes::read_description))
}

/// The interfaces of other providers, for programs.
pub(crate) fn models() -> OpenApiRouter<Front> {
    OpenApiRouter::new()
        .routes(routes!(openai::list_openai_models))
        .routes(routes!(openai::get_openai_model))
        .routes(routes!(openai::create_chat_completion))
        .routes(routes!(operations::create_completion))
        .routes(routes!(operations::create_embedding))
        .routes(routes!(operations::create_rerank))
        .routes(routes!(operations::create_moderation))
        .routes(routes!(operations::create_image))
        .routes(routes!(operations::create_speech))
        .routes(routes!(transcriptions::create_transcription))
        .routes(routes!(transcriptions::create_translation))
        .routes(routes!(responses::create_response))
        .routes(routes!(anthropic::create_anthropic_message))
        .routes(routes!(anthropic::count_anthropic_tokens))
}

/// A list that comes whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    items: Vec<T>,
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self { items: items.into_iter().collect() }
    }
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartQuery {
    /// `next` of the answer before.
    after: Option<String>,
    /// At most so many, from 1 to 100; without it, 50.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl From<PartQuery> for app::Part {
    fn from(query: PartQuery) -> Self {
        Self { after: query.after, limit: query.limit }
    }
}

/// A list that comes in parts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    /// What to pass as `after` for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> Page<T> {
    fn of<S>(page: app::Page<S>, encode: impl Fn(S) -> T) -> Self {
        Self { items: page.items.into_iter().map(encode).collect(), next: page.next }
    }
}
