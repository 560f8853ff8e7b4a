//! How messages, their citations and their runs look on the wire.

use app::Language;
use domain::{CollectionId, DataClass, DocumentId, MessageId, PassageId, Place, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::documents::Reason;
use crate::door::{
    Time,
    codes::{DataClassCode, PlaceCode},
};

/// A message of a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    #[schema(value_type = Uuid)]
    id: MessageId,
    role: MessageRole,
    text: String,
    created_at: Time,
    attachments: Vec<Attachment>,
    #[schema(value_type = Vec<Uuid>)]
    collections: Vec<CollectionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The way an answer was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteRef>,
    /// The highest class of everything that went in.
    #[schema(value_type = DataClassCode)]
    data_class: DataClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Task>,
    /// How an answer stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    citations: Vec<Citation>,
    /// Citation marks without a source that were taken out.
    removed_citations: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// Who speaks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MessageRole {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A document that was given with a question, by its name at the time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attachment {
    #[schema(value_type = Uuid)]
    document_id: DocumentId,
    name: String,
}

/// The way an answer was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct RouteRef {
    name: String,
    #[schema(value_type = PlaceCode)]
    place: Place,
}

/// What is asked for.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Task {
    /// Answer the question.
    Answer {},
    /// Summarise the documents.
    Summary { length: SummaryLength },
}

/// How long a summary shall be.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SummaryLength {
    /// A few sentences.
    Short,
    /// About half a page.
    Medium,
    /// About two pages.
    Long,
}

/// One answer in the making, or made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Run {
    #[schema(value_type = Uuid)]
    id: RunId,
    state: RunState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// How a run stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunState {
    /// The answer is being written.
    Running,
    /// The answer is complete.
    Done,
    /// Somebody stopped it; what was written stays.
    Stopped,
    /// It broke off; the reason says why.
    Failed,
}

/// A place in a document that carries a part of an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Citation {
    /// The number in the answer's text.
    number: u32,
    #[schema(value_type = Uuid)]
    document_id: DocumentId,
    document_name: String,
    #[schema(value_type = Uuid)]
    passage_id: PassageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// The headings above it, joined by ` › `.
    heading: String,
    /// The words of the passage from `start` to `end`.
    quote: String,
    /// First Unicode code point of the quote in the passage's text.
    start: u32,
    /// One past its last.
    end: u32,
    /// Whether the document was deleted or may not be read any more by the caller. Then its name,
    /// the heading and the quote are empty, and `[…]` stands for the quote in the message's text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    gone: bool,
}

/// What an answer took.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Whether we counted, because the model did not say.
    estimated: bool,
}

impl Message {
    pub fn new(message: app::Message, language: Language) -> Self {
        let attachments = message.attachments.into_iter();
        Self {
            id: message.id,
            role: match message.role {
                app::MessageRole::User => MessageRole::User,
                app::MessageRole::Assistant => MessageRole::Assistant,
            },
            text: message.text,
            created_at: message.created_at.into(),
            attachments: attachments
                .map(|file| Attachment { document_id: file.document, name: file.name })
                .collect(),
            collections: message.collections,
            model: message.model,
            route: message.route.map(|route| RouteRef { name: route.name, place: route.place }),
            data_class: message.data_class,
            task: message.task.map(Task::from),
            run: message.run.map(|run| Run {
                id: run.id,
                state: run.state.into(),
                reason: run.reason.map(|code| Reason::of_run(code, language)),
            }),
            citations: message.citations.into_iter().map(Citation::from).collect(),
            removed_citations: message.removed_citations,
            usage: message.usage.map(Usage::from),
        }
    }
}

impl From<app::RunState> for RunState {
    fn from(state: app::RunState) -> Self {
        match state {
            app::RunState::Running => Self::Running,
            app::RunState::Done => Self::Done,
            app::RunState::Stopped => Self::Stopped,
            app::RunState::Failed => Self::Failed,
        }
    }
}

impl From<app::Citation> for Citation {
    fn from(citation: app::Citation) -> Self {
        Self {
            number: citation.number,
            document_id: citation.document,
            document_name: citation.document_name,
            passage_id: citation.passage,
            page: citation.page,
            heading: citation.heading,
            quote: citation.quote,
            start: citation.start,
            end: citation.end,
            gone: citation.concealed,
        }
    }
}

impl From<app::TokenUsage> for Usage {
    fn from(usage: app::TokenUsage) -> Self {
        let app::TokenUsage { prompt_tokens, completion_tokens, estimated } = usage;
        Self { prompt_tokens, completion_tokens, estimated }
    }
}

impl From<app::Task> for Task {
    fn from(task: app::Task) -> Self {
        match task {
            app::Task::Answer => Self::Answer {},
            app::Task::Summary { length } => Self::Summary {
                length: match length {
                    app::SummaryLength::Short => SummaryLength::Short,
                    app::SummaryLength::Medium => SummaryLength::Medium,
                    app::SummaryLength::Long => SummaryLength::Long,
                },
            },
        }
    }
}

impl From<Task> for app::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Answer {} => Self::Answer,
            Task::Summary { length } => Self::Summary {
                length: match length {
                    SummaryLength::Short => app::SummaryLength::Short,
                    SummaryLength::Medium => app::SummaryLength::Medium,
                    SummaryLength::Long => app::SummaryLength::Long,
                },
            },
        }
    }
}
