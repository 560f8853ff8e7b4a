//! Conversations: history, messages, asking.

use std::sync::Arc;

use app::{App, NewMessage};
use axum::extract::State;
use domain::{CollectionId, ConversationId, DataClass, DocumentId, MessageId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Page, PartQuery,
    messages::{Message, Task},
};
use crate::door::{Caller, Id, Json, Problem, Query, Reader, Time, codes::DataClassCode};

/// A conversation in the history.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conversation {
    #[schema(value_type = Uuid)]
    id: ConversationId,
    /// Empty until the first question, unless one was given.
    title: String,
    created_at: Time,
    updated_at: Time,
    /// Whether an answer is being written.
    running: bool,
}

/// A conversation with its last messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationDetail {
    #[serde(flatten)]
    conversation: Conversation,
    /// The last 50, in order.
    messages: Vec<Message>,
    /// What to pass as `after` to the list of messages for those before; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which conversations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// Only those whose title or messages contain this.
    query: Option<String>,
    /// `next` of the answer before.
    after: Option<String>,
}

/// A conversation to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConversation {
    /// Without it, the first question gives the title.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
}

/// A new title.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationPatch {
    #[schema(min_length = 1, max_length = 200)]
    title: String,
}

/// What to ask.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// May be empty if a summary is asked for.
    #[serde(default)]
    #[schema(max_length = 100_000)]
    text: String,
    /// Documents to answer from. If neither documents nor collections are named, those of the
    /// question before stay.
    #[schema(value_type = Option<Vec<Uuid>>)]
    documents: Option<Vec<DocumentId>>,
    /// Collections to answer from.
    #[schema(value_type = Option<Vec<Uuid>>)]
    collections: Option<Vec<CollectionId>>,
    /// Without it, the default model.
    model: Option<String>,
    /// The class of what is typed.
    #[schema(value_type = Option<DataClassCode>)]
    data_class: Option<DataClass>,
    /// Without it, an answer.
    task: Option<Task>,
}

/// A question and the answer that is being written.
#[derive(Serialize, ToSchema)]
pub(crate) struct Asked {
    question: Message,
    answer: Message,
}

/// The answer that is being written again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retried {
    answer: Message,
}

impl From<app::Conversation> for Conversation {
    fn from(conversation: app::Conversation) -> Self {
        Self {
            id: conversation.id,
            title: conversation.title,
            created_at: conversation.created_at.into(),
            updated_at: conversation.updated_at.into(),
            running: conversation.running,
        }
    }
}

/// Lists the caller's conversations, the last changed first.
#[utoipa::path(get, path = "/api/conversations", tag = "conversations", params(HistoryQuery),
    responses((status = 200, body = Page<Conversation>)))]
pub(crate) async fn list_conversations(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(query): Query<HistoryQuery>,
) -> Result<axum::Json<Page<Conversation>>, Problem> {
    let HistoryQuery { query, after } = query;
    let page = app.list_conversations(&principal, query.as_deref(), after.as_deref()).await?;
    Ok(axum::Json(Page::of(page, Conversation::from)))
}

/// Makes a conversation.
#[utoipa::path(post, path = "/api/conversations", tag = "conversations",
    request_body = NewConversation, responses((status = 201, body = Conversation)))]
pub(crate) async fn create_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<NewConversation>,
) -> Result<(StatusCode, axum::Json<Conversation>), Problem> {
    let conversation = app.create_conversation(&principal, body.title.as_deref()).await?;
    Ok((StatusCode::CREATED, axum::Json(conversation.into())))
}

/// Returns a conversation with its last messages.
#[utoipa::path(get, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path)), responses((status = 200, body = ConversationDetail)))]
pub(crate) async fn get_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<ConversationId>,
) -> Result<axum::Json<ConversationDetail>, Problem> {
    let found = app.get_conversation(&principal, id).await?;
    let messages = found.messages.into_iter().map(|message| Message::new(message, language));
    Ok(axum::Json(ConversationDetail {
        conversation: found.conversation.into(),
        messages: messages.collect(),
        next: found.next,
    }))
}

/// Lists the messages of a conversation, the newest first.
#[utoipa::path(get, path = "/api/conversations/{id}/messages", tag = "conversations",
    params(("id" = Uuid, Path), PartQuery), responses((status = 200, body = Page<Message>)))]
pub(crate) async fn list_messages(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<ConversationId>,
    Query(query): Query<PartQuery>,
) -> Result<axum::Json<Page<Message>>, Problem> {
    let page = app.list_messages(&principal, id, &query.into()).await?;
    Ok(axum::Json(Page::of(page, |message| Message::new(message, language))))
}

/// Gives a conversation another title.
#[utoipa::path(patch, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path)), request_body = ConversationPatch,
    responses((status = 200, body = Conversation)))]
pub(crate) async fn update_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<ConversationId>,
    Json(body): Json<ConversationPatch>,
) -> Result<axum::Json<Conversation>, Problem> {
    Ok(axum::Json(app.update_conversation(&principal, id, &body.title).await?.into()))
}

/// Deletes a conversation; an answer in the making is stopped.
#[utoipa::path(delete, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path)), responses((status = 204)))]
pub(crate) async fn delete_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, Problem> {
    app.delete_conversation(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks something; the answer is written in the background and can be watched.
#[utoipa::path(post, path = "/api/conversations/{id}/messages", tag = "conversations",
    params(("id" = Uuid, Path)), request_body = Question, responses((status = 202, body = Asked)))]
pub(crate) async fn create_message(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<ConversationId>,
    Json(body): Json<Question>,
) -> Result<(StatusCode, axum::Json<Asked>), Problem> {
    let Question { text, documents, collections, model, data_class, task } = body;
    let task = task.map(app::Task::from);
    let new = NewMessage { text, documents, collections, model, data_class, task, language };
    let asked = app.create_message(&principal, id, new).await?;
    let question = Message::new(asked.question, language);
    let answer = Message::new(asked.answer, language);
    Ok((StatusCode::ACCEPTED, axum::Json(Asked { question, answer })))
}

/// Has the last answer written again.
#[utoipa::path(post, path = "/api/messages/{id}/retry", tag = "conversations",
    params(("id" = Uuid, Path)), responses((status = 202, body = Retried)))]
pub(crate) async fn retry_message(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<MessageId>,
) -> Result<(StatusCode, axum::Json<Retried>), Problem> {
    let answer = app.retry_message(&principal, id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(Retried { answer: Message::new(answer, language) })))
}
