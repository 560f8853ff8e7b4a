//! Messages of a conversation, and asking: question, answer-to-be and run in one step.

use std::str::FromStr;

use domain::{
    CollectionId, ConversationId, DataClass, DocumentId, Instant, MessageId, PassageId, Place,
    RunId, TenantId, UserId,
};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::{
    Conflict, Cursor, Error, Page, Run, RunState, Store,
    conversations::fold,
    database::{Tx, composed, fetch, fetch_one},
    error::is_duplicate,
    quotes, runs,
    values::{Json, get, params},
};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRole {
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl MessageRole {
    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl FromStr for MessageRole {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        match code {
            "user" => Ok(Self::User),
            "assistant" => Ok(Self::Assistant),
            _ => Err(Error::Unreadable("role")),
        }
    }
}

/// How long a summary shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SummaryLength {
    /// A few sentences.
    Short,
    /// About half a page.
    Medium,
    /// About two pages.
    Long,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Task {
    /// Answer the question.
    Answer,
    /// Summarise the documents.
    Summary {
        /// How long.
        length: SummaryLength,
    },
}

/// A document that was given with a question. The name is kept as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The document; may be deleted by now.
    pub document: DocumentId,
    /// Its name at the time.
    pub name: String,
}

/// A place in a document that carries a part of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The number in the answer's text.
    pub number: u32,
    /// The document; may be deleted by now.
    pub document: DocumentId,
    /// Its name at the time.
    pub document_name: String,
    /// The passage; may be gone by now.
    pub passage: PassageId,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The headings above it, joined.
    pub heading: String,
    /// The words themselves.
    pub quote: String,
    /// Where they begin in the passage's text, in Unicode code points.
    pub start: u32,
    /// Where they end.
    pub end: u32,
    /// Whether all that comes from the document was taken out, because it is gone or may not be read
    /// any more; see [`crate::conceal`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concealed: bool,
}

/// Tokens used for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Whether we counted, as the model did not say.
    #[serde(default)]
    pub estimated: bool,
}

impl TokenUsage {
    /// The figures, each at most a billion: far above what any model takes in one call, and low
    /// enough that billions of calls can be summed. What a server reports may be any number.
    #[must_use]
    pub fn bounded(self) -> Self {
        const TOKENS_MAX: u64 = 1_000_000_000;
        Self {
            prompt_tokens: self.prompt_tokens.min(TOKENS_MAX),
            completion_tokens: self.completion_tokens.min(TOKENS_MAX),
            ..self
        }
    }
}

/// The way an answer was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteUsed {
    /// The route's name.
    pub name: String,
    /// Where it runs.
    pub place: Place,
}

/// The run that writes an answer, as it stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRun {
    /// Its id.
    pub id: RunId,
    /// Its state.
    pub state: RunState,
    /// Why it failed, as a code.
    pub reason: Option<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place there, from 0.
    pub ordinal: u32,
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub text: String,
    /// Documents given with a question.
    pub attachments: Vec<Attachment>,
    /// Collections given with a question.
    pub collections: Vec<CollectionId>,
    /// The model asked.
    pub model: Option<String>,
    /// The way the answer was made.
    pub route: Option<RouteUsed>,
    /// The highest class of everything that went in.
    pub data_class: DataClass,
    /// What is asked for.
    pub task: Option<Task>,
    /// The latest run of an answer.
    pub run: Option<MessageRun>,
    /// What the answer rests on.
    pub citations: Vec<Citation>,
    /// Citation marks that matched no given passage.
    pub removed_citations: u32,
    /// Tokens used.
    pub usage: Option<TokenUsage>,
    /// Since when.
    pub created_at: Instant,
}

/// A question to ask.
#[derive(Debug, Clone)]
pub struct NewQuestion {
    /// What is asked.
    pub text: String,
    /// Documents given.
    pub attachments: Vec<Attachment>,
    /// Collections given.
    pub collections: Vec<CollectionId>,
    /// The model that shall answer.
    pub model: Option<String>,
    /// The highest class of everything that goes in.
    pub data_class: DataClass,
    /// What is asked for.
    pub task: Task,
    /// The conversation's title from now on, if it has none yet.
    pub title: Option<String>,
}

/// A question that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The question.
    pub question: Message,
    /// The answer to be, still empty.
    pub answer: Message,
    /// The run that writes it.
    pub run: Run,
}

const COLUMNS: &str = "m.id, m.conversation_id, m.ordinal, m.role, m.text, m.attachments, \
     m.collections, m.model, m.route_name, m.route_place, m.data_class, m.task, m.run_id, \
     r.state AS run_state, r.reason AS run_reason, m.citations, m.removed_citations, \
     m.token_usage, m.created_at";
const TABLES: &str = "message m JOIN conversation c ON c.id = m.conversation_id \
     LEFT JOIN run r ON r.id = m.run_id";

impl Store {
    /// Lists the messages of a person's conversation, the newest first.
    ///
    /// # Errors
    /// A database error, or a bad cursor. A conversation of somebody else looks empty; ask [`Store::conversation`]
    /// first.
    pub async fn messages(
        &self,
        tenant: TenantId,
        owner: UserId,
        conversation: ConversationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Message>, Error> {
        let before = match after {
            Some(cursor) => Cursor::parse_number(cursor)?,
            None => i64::MAX,
        };
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} \
             WHERE m.conversation_id = $1 AND c.tenant_id = $2 AND c.owner_id = $3 \
             AND m.ordinal < $4 ORDER BY m.ordinal DESC LIMIT $5"
        );
        let list = params![conversation, tenant, owner, before, i64::from(limit) + 1];
        let rows = fetch(&mut db, composed(sql), list).await?;
        let messages = rows.iter().map(message).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(messages, limit, |last| last.ordinal.to_string()))
    }

    /// Returns a message of a person's own conversation.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs.
    pub async fn message(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: MessageId,
    ) -> Result<Message, Error> {
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} \
             WHERE m.id = $1 AND c.tenant_id = $2 AND c.owner_id = $3"
        );
        let row = fetch_one(&mut db, composed(sql), params![id, tenant, owner]).await?;
        message(&row.ok_or(Error::NotFound)?)
    }

    /// Appends a question, the empty answer to it, and the run that will write it on `instance`; all
    /// or nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the conversation is not theirs; [`Conflict::RunInProgress`].
    pub async fn send_message(
        &self,
        tenant: TenantId,
        owner: UserId,
        conversation: ConversationId,
        new: &NewQuestion,
        instance: &str,
    ) -> Result<Asked, Error> {
        let mut tx = self.write().await?;
        let now = Instant::now();
        // Also locks the row, so that two questions at once come one after the other.
        touch(&mut tx, tenant, owner, conversation, now).await?;
        if let Some(title) = &new.title {
            tx.execute(
                "UPDATE conversation SET title = $2, title_folded = $3 \
                 WHERE id = $1 AND title = ''",
                params![conversation, title, fold(title)],
            )
            .await?;
        }
        let sql = "SELECT COALESCE(MAX(ordinal), -1) AS last FROM message \
                   WHERE conversation_id = $1";
        let last: i64 = match tx.fetch_one(sql, params![conversation]).await? {
            Some(row) => get(&row, "last")?,
            None => -1,
        };
        let place = Placement { tenant, conversation, created_at: now };
        let (question, answer) = (MessageId::new(), MessageId::new());
        insert(&mut tx, &place, question, last + 1, MessageRole::User, new).await?;
        let empty = NewQuestion {
            text: String::new(),
            attachments: Vec::new(),
            collections: Vec::new(),
            ..new.clone()
        };
        insert(&mut tx, &place, answer, last + 2, MessageRole::Assistant, &empty).await?;
        let run = begin_run(&mut tx, &place, owner, answer, instance).await?;
        tx.commit().await?;
        Ok(Asked {
            question: self.message(tenant, owner, question).await?,
            answer: self.message(tenant, owner, answer).await?,
            run,
        })
    }

    /// Empties an answer and begins a new run for it on `instance`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such answer of theirs; [`Conflict::RunInProgress`].
    pub async fn retry_message(
        &self,
        tenant: TenantId,
        owner: UserId,
        answer: MessageId,
        instance: &str,
    ) -> Result<(Message, Run), Error> {
        let before = self.message(tenant, owner, answer).await?;
        if before.role != MessageRole::Assistant {
            return Err(Error::NotFound);
        }
        let mut tx = self.write().await?;
        let now = Instant::now();
        touch(&mut tx, tenant, owner, before.conversation, now).await?;
        let place = Placement { tenant, conversation: before.conversation, created_at: now };
        let run = begin_run(&mut tx, &place, owner, answer, instance).await?;
        tx.execute(
            "UPDATE message SET text = '', text_folded = '', citations = '[]', \
                                removed_citations = 0, token_usage = NULL, route_name = NULL, \
                                route_place = NULL WHERE id = $1",
            params![answer],
        )
        .await?;
        quotes::remember(&mut tx, &answer.to_string(), &[]).await?;
        tx.commit().await?;
        Ok((self.message(tenant, owner, answer).await?, run))
    }
}

/// Where and when a message is put.
struct Placement {
    tenant: TenantId,
    conversation: ConversationId,
    created_at: Instant,
}

async fn touch(
    tx: &mut Tx,
    tenant: TenantId,
    owner: UserId,
    conversation: ConversationId,
    now: Instant,
) -> Result<(), Error> {
    let touched = tx
        .execute(
            "UPDATE conversation SET updated_at = $4 \
             WHERE id = $1 AND tenant_id = $2 AND owner_id = $3",
            params![conversation, tenant, owner, now],
        )
        .await?;
    if touched == 0 { Err(Error::NotFound) } else { Ok(()) }
}

async fn begin_run(
    tx: &mut Tx,
    place: &Placement,
    owner: UserId,
    answer: MessageId,
    instance: &str,
) -> Result<Run, Error> {
    let run = runs::insert(tx, place.tenant, owner, place.conversation, answer, instance)
        .await
        .map_err(|error| {
            if is_duplicate(&error) { Error::Conflict(Conflict::RunInProgress) } else { error }
        })?;
    let sql = "UPDATE message SET run_id = $2 WHERE id = $1 AND conversation_id = $3";
    let set = tx.execute(sql, params![answer, run.id, place.conversation]).await?;
    if set == 0 { Err(Error::NotFound) } else { Ok(run) }
}

async fn insert(
    tx: &mut Tx,
    place: &Placement,
    id: MessageId,
    ordinal: i64,
    role: MessageRole,
    new: &NewQuestion,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO message (id, tenant_id, conversation_id, ordinal, role, text, text_folded, \
                              attachments, collections, model, data_class, task, citations, \
                              removed_citations, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '[]', 0, $13)",
        params![
            id,
            place.tenant,
            place.conversation,
            ordinal,
            role.code(),
            new.text.as_str(),
            fold(&new.text),
            Json(&new.attachments),
            Json(&new.collections),
            new.model.clone(),
            new.data_class.code(),
            Json(new.task),
            place.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) fn message(row: &AnyRow) -> Result<Message, Error> {
    let Json(attachments) = get(row, "attachments")?;
    let Json(collections) = get(row, "collections")?;
    let Json(citations) = get(row, "citations")?;
    let task: Option<Json<Task>> = get(row, "task")?;
    let usage: Option<Json<TokenUsage>> = get(row, "token_usage")?;
    let route = match get::<Option<String>>(row, "route_name")? {
        Some(name) => Some(RouteUsed { name, place: get(row, "route_place")? }),
        None => None,
    };
    let run = match (get(row, "run_id")?, get::<Option<String>>(row, "run_state")?) {
        (Some(id), Some(state)) => {
            Some(MessageRun { id, state: state.parse()?, reason: get(row, "run_reason")? })
        }
        _ => None,
    };
    Ok(Message {
        id: get(row, "id")?,
        conversation: get(row, "conversation_id")?,
        ordinal: get(row, "ordinal")?,
        role: get::<String>(row, "role")?.parse()?,
        text: get(row, "text")?,
        attachments,
        collections,
        model: get(row, "model")?,
        route,
        data_class: get(row, "data_class")?,
        task: task.map(|Json(task)| task),
        run,
        citations,
        removed_citations: get(row, "removed_citations")?,
        usage: usage.map(|Json(usage)| usage),
        created_at: get(row, "created_at")?,
    })
}
